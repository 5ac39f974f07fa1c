/root/wt/launch/tests/selftests/build/selftests/lib-host.o: \
 /root/wt/launch/tests/selftests/lib/host.c \
 /root/wt/launch/tests/selftests/include/host.h \
 /root/wt/launch/tests/selftests/include/types.h \
 /root/wt/launch/tests/selftests/include/test.h
/root/wt/launch/tests/selftests/include/host.h:
/root/wt/launch/tests/selftests/include/types.h:
/root/wt/launch/tests/selftests/include/test.h:
