// SPDX-License-Identifier: GPL-2.0
/*
 * Picks the backend for this CPU once, at load, and points the static calls to
 * it, so that a call into a backend costs a direct call and a missing
 * operation is found before any guest runs.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/printk.h>
#include "backend.h"

const struct bellows_backend *bellows_backend_current;

#define BACKEND_OP(ret, name, context, args, names) \
	DEFINE_STATIC_CALL_NULL(bellows_op_##name, bellows_op_proto_##name);
#include "backend_ops.h"

static const struct bellows_backend *const backends[] = { &bellows_vmx_backend, &bellows_svm_backend };
static char why_not[128];

const char *bellows_host_why(void)
{
	return why_not;
}

static int backend_install(const struct bellows_backend *backend)
{
#define BACKEND_OP(ret, op, context, args, names)					\
	do {										\
		if (!backend->op) {							\
			pr_err("bellows: backend %s lacks operation %s\n", backend->name, #op);	\
			return -ENOSYS;							\
		}									\
		static_call_update(bellows_op_##op, backend->op);			\
	} while (0);
#include "backend_ops.h"
	bellows_backend_current = backend;
	return 0;
}

int bellows_backend_init(void)
{
	char why[sizeof(why_not)];
	size_t i;

	why_not[0] = '\0';
	for (i = 0; i < ARRAY_SIZE(backends); i++) {
		if (backends[i]->available(why, sizeof(why))) {
			why_not[0] = '\0';
			return backend_install(backends[i]);
		}
		strlcat(why_not, i ? "; " : "", sizeof(why_not));
		strlcat(why_not, why, sizeof(why_not));
	}
	return 0;
}

void bellows_backend_give_up(int err)
{
	scnprintf(why_not, sizeof(why_not), "%s: cannot be set up, error %d",
		  bellows_backend_current->name, err);
	bellows_backend_current = NULL;
}
