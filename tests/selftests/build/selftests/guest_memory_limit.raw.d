/root/wt/launch/tests/selftests/build/selftests/guest_memory_limit.raw.o: \
 /root/wt/launch/tests/selftests/guest_memory_limit.c \
 /root/wt/launch/tests/selftests/include/cgroup.h \
 /root/wt/launch/tests/selftests/include/object.h \
 /root/wt/launch/module/uapi/bellows.h \
 /root/wt/launch/tests/selftests/include/test.h \
 /root/wt/launch/tests/selftests/include/types.h \
 /root/wt/launch/tests/selftests/include/guest.h \
 /root/wt/launch/tests/selftests/include/layout.h \
 /root/wt/launch/tests/selftests/include/x86.h \
 /root/wt/launch/tests/selftests/include/vm.h
/root/wt/launch/tests/selftests/include/cgroup.h:
/root/wt/launch/tests/selftests/include/object.h:
/root/wt/launch/module/uapi/bellows.h:
/root/wt/launch/tests/selftests/include/test.h:
/root/wt/launch/tests/selftests/include/types.h:
/root/wt/launch/tests/selftests/include/guest.h:
/root/wt/launch/tests/selftests/include/layout.h:
/root/wt/launch/tests/selftests/include/x86.h:
/root/wt/launch/tests/selftests/include/vm.h:
