/* SPDX-License-Identifier: Apache-2.0 */
/* Claims the good one's id, kind and version, and is another file. */
#define FAKE_DEVICES 1
#include "fake.h"
