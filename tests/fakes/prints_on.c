/* SPDX-License-Identifier: Apache-2.0 */
/* Asked for its memory, prints without end. */
#include <rlx/device.h>
#include <unistd.h>
#define FAKE_ID "org.example.prints_on"
#define FAKE_KIND "prints_on"
#define FAKE_MEMORY_STATS prints_on_stats
static int32_t prints_on_stats(rlx_device* device, const void* in, rlx_memory_stats_out* out, rlx_error* error);
#include "fake.h"
static int32_t prints_on_stats(rlx_device* device, const void* in, rlx_memory_stats_out* out, rlx_error* error) {
  static char page[1 << 16];
  memset(page, '#', sizeof page);
  while (write(STDERR_FILENO, page, sizeof page) > 0) continue;
  return fake_memory_stats(device, in, out, error);
}
