/* SPDX-License-Identifier: Apache-2.0 */
/* Of an epoch before this one. */
#define FAKE_ID "org.example.too_old"
#define FAKE_KIND "too_old"
#define FAKE_EPOCH 0
#include "fake.h"
