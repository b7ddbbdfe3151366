/* SPDX-License-Identifier: Apache-2.0 */
/* Says that it is built with a sanitizer that this host is not built with. */
#define FAKE_ID "org.example.sanitized"
#define FAKE_KIND "sanitized"
#define FAKE_SANITIZER RLX_SANITIZER_MEMORY
#include "fake.h"
