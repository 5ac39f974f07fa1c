/root/wt/launch/tests/selftests/build/selftests/launcher_refuses.raw.o: \
 /root/wt/launch/tests/selftests/launcher_refuses.c \
 /root/wt/launch/tests/selftests/include/launcher.h \
 /root/wt/launch/tests/selftests/include/types.h \
 /root/wt/launch/tests/selftests/include/test.h
/root/wt/launch/tests/selftests/include/launcher.h:
/root/wt/launch/tests/selftests/include/types.h:
/root/wt/launch/tests/selftests/include/test.h:
