/root/wt/launch/tests/selftests/build/selftests/memory_mmap.raw.o: \
 /root/wt/launch/tests/selftests/memory_mmap.c \
 /root/wt/launch/tests/selftests/include/object.h \
 /root/wt/launch/module/uapi/bellows.h \
 /root/wt/launch/tests/selftests/include/test.h \
 /root/wt/launch/tests/selftests/include/types.h
/root/wt/launch/tests/selftests/include/object.h:
/root/wt/launch/module/uapi/bellows.h:
/root/wt/launch/tests/selftests/include/test.h:
/root/wt/launch/tests/selftests/include/types.h:
