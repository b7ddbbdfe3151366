/* SPDX-License-Identifier: Apache-2.0 */
/* Needs a processor feature that nobody knows. */
#define FAKE_ID "org.example.rare_cpu"
#define FAKE_KIND "rare_cpu"
#define FAKE_CPU_FEATURES 0x40000000u
#include "fake.h"
