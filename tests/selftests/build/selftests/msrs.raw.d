/root/wt/launch/tests/selftests/build/selftests/msrs.raw.o: \
 /root/wt/launch/tests/selftests/msrs.c \
 /root/wt/launch/tests/selftests/include/guest.h \
 /root/wt/launch/tests/selftests/include/layout.h \
 /root/wt/launch/tests/selftests/include/x86.h \
 /root/wt/launch/tests/selftests/include/types.h \
 /root/wt/launch/tests/selftests/include/vm.h \
 /root/wt/launch/module/uapi/bellows.h \
 /root/wt/launch/tests/selftests/include/test.h
/root/wt/launch/tests/selftests/include/guest.h:
/root/wt/launch/tests/selftests/include/layout.h:
/root/wt/launch/tests/selftests/include/x86.h:
/root/wt/launch/tests/selftests/include/types.h:
/root/wt/launch/tests/selftests/include/vm.h:
/root/wt/launch/module/uapi/bellows.h:
/root/wt/launch/tests/selftests/include/test.h:
