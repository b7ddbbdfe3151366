/* SPDX-License-Identifier: Apache-2.0 */
/* Two structs as an imagined minor 3 of the ABI has them: fields were added at their ends, one that may be
   dropped and one that must not, and one more number that is answered. */
#ifndef RLX_TESTS_FAKES_MINOR3_H_
#define RLX_TESTS_FAKES_MINOR3_H_

#include <rlx/device.h>

typedef struct rlx_device_open_in_3 {
  uint32_t struct_size;
  uint32_t ordinal;
  const rlx_option* options;
  uint32_t option_count;
  uint32_t option_stride;
  uint64_t hint; /* of minor 2 */
  uint64_t must; /* of minor 3 */
} rlx_device_open_in_3;

static const rlx_field rlx_device_open_in_3_fields[] = {
    {offsetof(rlx_device_open_in_3, hint), 8, 2, RLX_FIELD_HINT},
    {offsetof(rlx_device_open_in_3, must), 8, 3, RLX_FIELD_MUST},
};

typedef struct rlx_memory_stats_out_3 {
  uint32_t struct_size;
  uint32_t reserved;
  uint64_t total_bytes;
  uint64_t free_bytes;
  uint64_t used_bytes;
  uint64_t hint_seen; /* of minor 3: what the device was opened with */
  uint64_t must_seen;
} rlx_memory_stats_out_3;

#endif
