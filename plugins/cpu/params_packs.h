// SPDX-License-Identifier: Apache-2.0
// rlx.packs/1: packs that the host keeps between processes.
#pragma once

#include <rlx/ext/draft/packs.h>

#include "params.h"

namespace rlx_cpu {

/// The key under which a pack is known to every process of a machine with the same instruction set; zero where an entry
/// has no content hash.
rlx_hash128 public_key(const PackKey& key);

/// The offered bytes of `key` in this set, or null. They are `bytes` bytes on a border of 64.
std::shared_ptr<const Offer> find_offer(const rlx_param_set* set, const rlx_hash128& key, uint64_t bytes, const float** panels);

extern const rlx_packs_1 kPacksTable;

}  // namespace rlx_cpu
