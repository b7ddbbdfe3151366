/* SPDX-License-Identifier: Apache-2.0 */
/* The good one: no other file may hide it. */
#include "fake.h"
