/root/wt/launch/tests/selftests/build/selftests/lib-guest_lib.raw.o: \
 /root/wt/launch/tests/selftests/lib/guest_lib.c \
 /root/wt/launch/tests/selftests/include/guest.h \
 /root/wt/launch/tests/selftests/include/layout.h \
 /root/wt/launch/tests/selftests/include/x86.h \
 /root/wt/launch/tests/selftests/include/types.h
/root/wt/launch/tests/selftests/include/guest.h:
/root/wt/launch/tests/selftests/include/layout.h:
/root/wt/launch/tests/selftests/include/x86.h:
/root/wt/launch/tests/selftests/include/types.h:
