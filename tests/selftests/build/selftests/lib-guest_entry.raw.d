/root/wt/launch/tests/selftests/build/selftests/lib-guest_entry.raw.o: \
 /root/wt/launch/tests/selftests/lib/guest_entry.S \
 /root/wt/launch/tests/selftests/include/layout.h
/root/wt/launch/tests/selftests/include/layout.h:
