/root/wt/launch/tests/selftests/build/selftests/all_modes.elf: \
 /root/wt/launch/tests/selftests/blobs/all_modes.S
