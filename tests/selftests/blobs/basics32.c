// SPDX-License-Identifier: GPL-2.0
/* Protected mode, with and without paging. */
#include "basics.h"
