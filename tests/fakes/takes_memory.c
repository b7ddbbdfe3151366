/* SPDX-License-Identifier: Apache-2.0 */
/* Asked for its memory, takes all there is. */
#include <rlx/device.h>
#define FAKE_ID "org.example.takes_memory"
#define FAKE_KIND "takes_memory"
#define FAKE_MEMORY_STATS takes_memory_stats
static int32_t takes_memory_stats(rlx_device* device, const void* in, rlx_memory_stats_out* out, rlx_error* error);
#include "fake.h"
static int32_t takes_memory_stats(rlx_device* device, const void* in, rlx_memory_stats_out* out, rlx_error* error) {
  for (char* block; (block = (char*)malloc(1 << 20));) memset(block, 1, 1 << 20);
  return fake_memory_stats(device, in, out, error);
}
