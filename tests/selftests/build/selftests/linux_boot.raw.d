/root/wt/launch/tests/selftests/build/selftests/linux_boot.raw.o: \
 /root/wt/launch/tests/selftests/linux_boot.c \
 /root/wt/launch/tests/selftests/include/host.h \
 /root/wt/launch/tests/selftests/include/types.h \
 /root/wt/launch/tests/selftests/include/launcher.h \
 /root/wt/launch/tests/selftests/include/test.h
/root/wt/launch/tests/selftests/include/host.h:
/root/wt/launch/tests/selftests/include/types.h:
/root/wt/launch/tests/selftests/include/launcher.h:
/root/wt/launch/tests/selftests/include/test.h:
