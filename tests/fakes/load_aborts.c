/* SPDX-License-Identifier: Apache-2.0 */
/* Aborts while it is loaded. */
#include <stdlib.h>
#define FAKE_ID "org.example.load_aborts"
#define FAKE_KIND "load_aborts"
__attribute__((constructor)) static void at_load(void) { abort(); }
#include "fake.h"
