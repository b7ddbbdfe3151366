/* SPDX-License-Identifier: Apache-2.0 */
/* Its device wants the weights when it compiles. */
#include <rlx/plugin.h>
#define FAKE_ID "org.example.baked"
#define FAKE_KIND "baked"
#define FAKE_DEVICE_INFO baked_device_info
static int32_t baked_device_info(rlx_plugin* plugin, const rlx_device_info_in* in, rlx_device_info_out* out,
                                 rlx_error* error);
#include "fake.h"
static int32_t baked_device_info(rlx_plugin* plugin, const rlx_device_info_in* in, rlx_device_info_out* out,
                                 rlx_error* error) {
  const int32_t status = fake_device_info(plugin, in, out, error);
  out->flags |= RLX_DEVICE_FLAG_WEIGHTS_AT_COMPILE;
  return status;
}
