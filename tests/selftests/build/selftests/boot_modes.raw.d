/root/wt/launch/tests/selftests/build/selftests/boot_modes.raw.o: \
 /root/wt/launch/tests/selftests/boot_modes.c \
 /root/wt/launch/tests/selftests/include/guest.h \
 /root/wt/launch/tests/selftests/include/layout.h \
 /root/wt/launch/tests/selftests/include/x86.h \
 /root/wt/launch/tests/selftests/include/types.h \
 /root/wt/launch/tests/selftests/include/vm.h \
 /root/wt/launch/module/uapi/bellows.h \
 /root/wt/launch/tests/selftests/include/test.h \
 /root/wt/launch/tests/selftests/build/selftests/all_modes.h \
 /root/wt/launch/tests/selftests/build/selftests/basics16.h \
 /root/wt/launch/tests/selftests/build/selftests/basics32.h
/root/wt/launch/tests/selftests/include/guest.h:
/root/wt/launch/tests/selftests/include/layout.h:
/root/wt/launch/tests/selftests/include/x86.h:
/root/wt/launch/tests/selftests/include/types.h:
/root/wt/launch/tests/selftests/include/vm.h:
/root/wt/launch/module/uapi/bellows.h:
/root/wt/launch/tests/selftests/include/test.h:
/root/wt/launch/tests/selftests/build/selftests/all_modes.h:
/root/wt/launch/tests/selftests/build/selftests/basics16.h:
/root/wt/launch/tests/selftests/build/selftests/basics32.h:
