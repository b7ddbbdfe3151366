/* SPDX-License-Identifier: Apache-2.0 */
/* Needs a function that no library has. */
#define FAKE_ID "org.example.undefined_symbol"
#define FAKE_KIND "undefined"
void rlx_fake_that_nobody_defines(void);
#define FAKE_IN_OPEN rlx_fake_that_nobody_defines();
#include "fake.h"
