/root/wt/launch/tests/selftests/build/selftests/mmio32.elf: \
 /root/wt/launch/tests/selftests/blobs/mmio32.c \
 /root/wt/launch/tests/selftests/blobs/blob.h \
 /root/wt/launch/tests/selftests/include/layout.h \
 /root/wt/launch/tests/selftests/include/x86.h \
 /root/wt/launch/tests/selftests/include/types.h
/root/wt/launch/tests/selftests/blobs/blob.h:
/root/wt/launch/tests/selftests/include/layout.h:
/root/wt/launch/tests/selftests/include/x86.h:
/root/wt/launch/tests/selftests/include/types.h:
