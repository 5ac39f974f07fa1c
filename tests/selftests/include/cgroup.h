/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SELFTESTS_CGROUP_H
#define SELFTESTS_CGROUP_H
/*
 * A memory cgroup for a case: objects are made in it, and then charged to it.
 */
#include <sys/mount.h>
#include "object.h"

#define CGROUPS	"/tmp/bellows-cgroup"

static char group_path[128];

static inline const char *group_file(const char *name)
{
	static char path[192];

	snprintf(path, sizeof(path), "%s/%s", group_path, name);
	return path;
}

/* A group of its own for the case, which goes when the case's process has gone. */
static inline void group_create(const char *name)
{
	mkdir(CGROUPS, 0700);
	if (access(CGROUPS "/cgroup.controllers", R_OK))
		REQUIRE(!mount("none", CGROUPS, "cgroup2", 0, NULL), "no cgroup2: %s",
			strerror(errno));
	REQUIRE(file_write(CGROUPS "/cgroup.subtree_control", "+memory"),
		"no memory cgroups in this kernel");
	snprintf(group_path, sizeof(group_path), CGROUPS "/%s", name);
	rmdir(group_path);
	ASSERT(!mkdir(group_path, 0700), "%s", strerror(errno));
}

static inline void enter(const char *path)
{
	char file[192];

	snprintf(file, sizeof(file), "%s/cgroup.procs", path);
	ASSERT(file_write(file, "0"), "%s: %s", path, strerror(errno));
}

static inline u64 charged(void)
{
	return file_number(group_file("memory.current"), "");
}

/* Makes an object as a member of the group, and leaves it. */
static inline int create_in_group(u64 size, u64 flags)
{
	int fd;

	enter(group_path);
	fd = object_create(size, flags);
	enter(CGROUPS);
	return fd;
}

static inline void leave_and_remove(void)
{
	enter(CGROUPS);
	/* Frames that are freed are uncharged in batches; a group with none left goes. */
	for (int i = 0; i < 100 && rmdir(group_path); i++)
		usleep(20000);
}

#endif
