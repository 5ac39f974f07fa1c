/root/wt/launch/tests/selftests/build/selftests/linux_devices.raw.o: \
 /root/wt/launch/tests/selftests/linux_devices.c \
 /root/wt/launch/tests/selftests/include/launcher.h \
 /root/wt/launch/tests/selftests/include/types.h \
 /root/wt/launch/tests/selftests/include/test.h
/root/wt/launch/tests/selftests/include/launcher.h:
/root/wt/launch/tests/selftests/include/types.h:
/root/wt/launch/tests/selftests/include/test.h:
