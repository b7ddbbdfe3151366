/* SPDX-License-Identifier: Apache-2.0 */
/* Asked for its memory, deletes the file that it was loaded from. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <rlx/device.h>
#include <unistd.h>
#define FAKE_ID "org.example.deletes_itself"
#define FAKE_KIND "deletes_itself"
#define FAKE_MEMORY_STATS deletes_itself_stats
static int32_t deletes_itself_stats(rlx_device* device, const void* in, rlx_memory_stats_out* out, rlx_error* error);
#include "fake.h"
static int32_t deletes_itself_stats(rlx_device* device, const void* in, rlx_memory_stats_out* out, rlx_error* error) {
  Dl_info own;
  if (dladdr(&fake_note, &own)) unlink(own.dli_fname);
  return fake_memory_stats(device, in, out, error);
}
