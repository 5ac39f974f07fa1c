// SPDX-License-Identifier: GPL-2.0
/* Real mode. */
#include "basics.h"
