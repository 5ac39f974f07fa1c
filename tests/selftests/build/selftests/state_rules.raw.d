/root/wt/launch/tests/selftests/build/selftests/state_rules.raw.o: \
 /root/wt/launch/tests/selftests/state_rules.c \
 /root/wt/launch/tests/selftests/include/device.h \
 /root/wt/launch/tests/selftests/include/vm.h \
 /root/wt/launch/module/uapi/bellows.h \
 /root/wt/launch/tests/selftests/include/layout.h \
 /root/wt/launch/tests/selftests/include/test.h \
 /root/wt/launch/tests/selftests/include/types.h \
 /root/wt/launch/tests/selftests/include/x86.h \
 /root/wt/launch/tests/selftests/include/guest.h \
 /root/wt/launch/tests/selftests/include/vm.h
/root/wt/launch/tests/selftests/include/device.h:
/root/wt/launch/tests/selftests/include/vm.h:
/root/wt/launch/module/uapi/bellows.h:
/root/wt/launch/tests/selftests/include/layout.h:
/root/wt/launch/tests/selftests/include/test.h:
/root/wt/launch/tests/selftests/include/types.h:
/root/wt/launch/tests/selftests/include/x86.h:
/root/wt/launch/tests/selftests/include/guest.h:
/root/wt/launch/tests/selftests/include/vm.h:
