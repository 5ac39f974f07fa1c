/root/wt/launch/tests/selftests/build/selftests/lib-test.o: \
 /root/wt/launch/tests/selftests/lib/test.c \
 /root/wt/launch/tests/selftests/include/test.h \
 /root/wt/launch/tests/selftests/include/types.h \
 /root/wt/launch/tests/selftests/include/test_list.h
/root/wt/launch/tests/selftests/include/test.h:
/root/wt/launch/tests/selftests/include/types.h:
/root/wt/launch/tests/selftests/include/test_list.h:
