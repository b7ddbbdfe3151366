/* SPDX-License-Identifier: Apache-2.0 */
/* Lets a C++ exception out of its query. */
#include "thrower.h"
#define FAKE_ID "org.example.query_throws"
#define FAKE_KIND "query_throws"
#define FAKE_IN_QUERY fake_throw("thrown by query");
#include "fake.h"
