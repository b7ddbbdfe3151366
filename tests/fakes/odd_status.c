/* SPDX-License-Identifier: Apache-2.0 */
/* Returns a status that is none. */
#define FAKE_ID "org.example.odd_status"
#define FAKE_KIND "odd_status"
#define FAKE_IN_QUERY return 77;
#include "fake.h"
