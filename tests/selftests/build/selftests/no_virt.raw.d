/root/wt/launch/tests/selftests/build/selftests/no_virt.raw.o: \
 /root/wt/launch/tests/selftests/no_virt.c \
 /root/wt/launch/tests/selftests/include/host.h \
 /root/wt/launch/tests/selftests/include/types.h \
 /root/wt/launch/tests/selftests/include/object.h \
 /root/wt/launch/module/uapi/bellows.h \
 /root/wt/launch/tests/selftests/include/test.h \
 /root/wt/launch/tests/selftests/include/vm.h \
 /root/wt/launch/tests/selftests/include/layout.h \
 /root/wt/launch/tests/selftests/include/x86.h
/root/wt/launch/tests/selftests/include/host.h:
/root/wt/launch/tests/selftests/include/types.h:
/root/wt/launch/tests/selftests/include/object.h:
/root/wt/launch/module/uapi/bellows.h:
/root/wt/launch/tests/selftests/include/test.h:
/root/wt/launch/tests/selftests/include/vm.h:
/root/wt/launch/tests/selftests/include/layout.h:
/root/wt/launch/tests/selftests/include/x86.h:
