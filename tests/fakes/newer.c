/* SPDX-License-Identifier: Apache-2.0 */
/* Another plugin for the good one's kind, of a higher version. */
#define FAKE_ID "org.example.newer"
#define FAKE_VERSION "1.10.0"
#include "fake.h"
