/* SPDX-License-Identifier: Apache-2.0 */
/* Speaks minors 1 to 3. */
#include "minor3.h"

#include <stdlib.h>

#define FAKE_ID "org.example.minor3"
#define FAKE_KIND "minor3"
#define FAKE_MINOR_MAX 3
#define FAKE_DEVICE_OPEN open_3
#define FAKE_MEMORY_STATS stats_3

static _Atomic uint64_t hint_seen, must_seen; // tests open devices from many threads

static int32_t open_3(rlx_plugin* plugin, const rlx_device_open_in* in, rlx_device_open_out* out,
                      rlx_error* error) {
  rlx_device_open_in_3 own;
  uint64_t detail = 0;
  const int32_t status = rlx_read_in(&own, sizeof own, in, sizeof(rlx_device_open_in), &detail);
  (void)plugin;
  if (status) return rlx_fail(error, status, RLX_NO_INDEX, detail, "device open does not fit");
  hint_seen = own.hint;
  must_seen = own.must;
  rlx_device_open_out made = {sizeof made, 0, (rlx_device*)calloc(1, 64)};
  return rlx_write_out(out, &made, sizeof made, sizeof made, NULL);
}

static int32_t stats_3(rlx_device* device, const void* in, rlx_memory_stats_out* out, rlx_error* error) {
  rlx_memory_stats_out_3 stats = {sizeof stats, 0, 100, 60, 40, hint_seen, must_seen};
  (void)device, (void)in, (void)error;
  return rlx_write_out(out, &stats, sizeof stats, sizeof(rlx_memory_stats_out), NULL);
}

#include "fake.h"
