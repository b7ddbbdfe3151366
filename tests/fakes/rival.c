/* SPDX-License-Identifier: Apache-2.0 */
/* Another plugin for the good one's kind, with another id and the same rank. */
#define FAKE_ID "org.example.rival"
#include "fake.h"
