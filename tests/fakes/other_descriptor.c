/* SPDX-License-Identifier: Apache-2.0 */
/* Returns another descriptor than its note. */
#define FAKE_ID "org.example.other_descriptor"
#define FAKE_KIND "other"
#define FAKE_ANSWER_DESCRIPTOR &other
#include <rlx/plugin.h>
static const rlx_descriptor other;
#include "fake.h"
