/* SPDX-License-Identifier: Apache-2.0 */
/* Describes its device as one of a kind that it has not. */
#include <rlx/plugin.h>
#define FAKE_ID "org.example.wrong_kind"
#define FAKE_KIND "wrong_kind"
#define FAKE_DEVICE_INFO wrong_device_info
static int32_t wrong_device_info(rlx_plugin* plugin, const rlx_device_info_in* in, rlx_device_info_out* out,
                                 rlx_error* error) {
  (void)plugin, (void)in, (void)error;
  memcpy(out->kind, "elsewhere", 10);
  return RLX_STATUS_OK;
}
#include "fake.h"
