/* SPDX-License-Identifier: Apache-2.0 */
/* Ends the process from its query. */
#define FAKE_ID "org.example.query_exits"
#define FAKE_KIND "query_exits"
#define FAKE_IN_QUERY _Exit(0);
#include "fake.h"
