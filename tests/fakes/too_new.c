/* SPDX-License-Identifier: Apache-2.0 */
/* Speaks only minors that this host does not know. */
#define FAKE_ID "org.example.too_new"
#define FAKE_KIND "too_new"
#define FAKE_MINOR_MIN 7
#define FAKE_MINOR_MAX 9
#include "fake.h"
