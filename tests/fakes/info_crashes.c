/* SPDX-License-Identifier: Apache-2.0 */
/* Crashes where it is asked what its device is. */
#include <rlx/plugin.h>
#define FAKE_ID "org.example.info_crashes"
#define FAKE_KIND "info_crashes"
#define FAKE_DEVICE_INFO crashing_device_info
static volatile int* volatile nowhere;
static int32_t crashing_device_info(rlx_plugin* plugin, const rlx_device_info_in* in, rlx_device_info_out* out,
                                    rlx_error* error) {
  (void)plugin, (void)in, (void)out, (void)error;
  *nowhere = 0;
  return RLX_STATUS_OK;
}
#include "fake.h"
