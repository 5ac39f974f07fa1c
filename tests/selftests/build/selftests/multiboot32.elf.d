/root/wt/launch/tests/selftests/build/selftests/multiboot32.elf: \
 /root/wt/launch/tests/selftests/blobs/multiboot32.c \
 /root/wt/launch/tests/selftests/include/x86.h \
 /root/wt/launch/tests/selftests/include/types.h
/root/wt/launch/tests/selftests/include/x86.h:
/root/wt/launch/tests/selftests/include/types.h:
