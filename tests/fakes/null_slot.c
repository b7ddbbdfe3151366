/* SPDX-License-Identifier: Apache-2.0 */
/* Leaves a required slot null. */
#include <stddef.h>
#define FAKE_ID "org.example.null_slot"
#define FAKE_KIND "null_slot"
#define FAKE_SEAL NULL
#include "fake.h"
