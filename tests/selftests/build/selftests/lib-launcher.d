/root/wt/launch/tests/selftests/build/selftests/lib-launcher.o: \
 /root/wt/launch/tests/selftests/lib/launcher.c \
 /root/wt/launch/tests/selftests/include/host.h \
 /root/wt/launch/tests/selftests/include/types.h \
 /root/wt/launch/tests/selftests/include/launcher.h \
 /root/wt/launch/tests/selftests/build/selftests/multiboot32.h \
 /root/wt/launch/tests/selftests/include/test.h
/root/wt/launch/tests/selftests/include/host.h:
/root/wt/launch/tests/selftests/include/types.h:
/root/wt/launch/tests/selftests/include/launcher.h:
/root/wt/launch/tests/selftests/build/selftests/multiboot32.h:
/root/wt/launch/tests/selftests/include/test.h:
