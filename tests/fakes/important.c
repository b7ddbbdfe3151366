/* SPDX-License-Identifier: Apache-2.0 */
/* Another plugin for the good one's kind, of a higher priority, that cannot be used. */
#define FAKE_ID "org.example.important"
#define FAKE_PRIORITY 10
#define FAKE_WITHOUT_INTERFACE RLX_INTERFACE_EXECUTE_1
#include "fake.h"
