/* SPDX-License-Identifier: Apache-2.0 */
/* Lets a C++ exception out of its open, which no probe calls. */
#include "thrower.h"
#define FAKE_ID "org.example.open_throws"
#define FAKE_KIND "open_throws"
#define FAKE_IN_OPEN fake_throw("thrown by open");
#include "fake.h"
