/root/wt/launch/tests/selftests/build/selftests/list.o: \
 /root/wt/launch/tests/selftests/build/selftests/list.c \
 /root/wt/launch/tests/selftests/include/test.h \
 /root/wt/launch/tests/selftests/include/types.h \
 /root/wt/launch/tests/selftests/include/test_list.h
/root/wt/launch/tests/selftests/include/test.h:
/root/wt/launch/tests/selftests/include/types.h:
/root/wt/launch/tests/selftests/include/test_list.h:
