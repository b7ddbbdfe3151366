/* SPDX-License-Identifier: Apache-2.0 */
/* Asked for its memory, leaves a process behind that hides: an orphan in a session of its own, without files, folder or name. */
#define _GNU_SOURCE
#include <rlx/device.h>
#include <sys/prctl.h>
#include <unistd.h>
#define FAKE_ID "org.example.forks_away"
#define FAKE_KIND "forks_away"
#define FAKE_MEMORY_STATS forks_away_stats
static int32_t forks_away_stats(rlx_device* device, const void* in, rlx_memory_stats_out* out, rlx_error* error);
#include "fake.h"
static int32_t forks_away_stats(rlx_device* device, const void* in, rlx_memory_stats_out* out, rlx_error* error) {
  if (fork() == 0) {
    setsid();
    if (fork() == 0) {
      for (int file = 0; file < 64; ++file) close(file);
      prctl(PR_SET_NAME, "rlx-hidden");
      while (chdir("/") == 0) sleep(1);
    }
    _exit(0);
  }
  return fake_memory_stats(device, in, out, error);
}
