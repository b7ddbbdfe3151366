/* SPDX-License-Identifier: Apache-2.0 */
/* Has no rlx.params/1. */
#define FAKE_ID "org.example.missing_interface"
#define FAKE_KIND "missing"
#define FAKE_WITHOUT_INTERFACE RLX_INTERFACE_PARAMS_1
#include "fake.h"
