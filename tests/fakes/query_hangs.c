/* SPDX-License-Identifier: Apache-2.0 */
/* Never returns from its query. */
#include <unistd.h>
#define FAKE_ID "org.example.query_hangs"
#define FAKE_KIND "query_hangs"
#define FAKE_IN_QUERY \
  for (;;) sleep(1);
#include "fake.h"
