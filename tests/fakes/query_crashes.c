/* SPDX-License-Identifier: Apache-2.0 */
/* Touches a forbidden address in its query. */
#include <signal.h>
#define FAKE_ID "org.example.query_crashes"
#define FAKE_KIND "query_crashes"
#define FAKE_IN_QUERY raise(SIGSEGV);
#include "fake.h"
