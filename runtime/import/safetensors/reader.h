// SPDX-License-Identifier: Apache-2.0
// safetensors: 8 bytes of header length, a JSON header, the tensors' bytes. Read by mapping; nothing is
// copied.
#pragma once

#include <rlx/host/result.hpp>
#include <rlx/host/tensor.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace rlx::safetensors {

/// Tensors of a whole file in memory, in order of their bytes. Views point into `bytes`, which `keepalive`
/// keeps; only a tensor that lies unaligned for its dtype is copied. The tensors must fill the data exactly:
/// no gap, no overlap, no rest. Errors: kFileDamaged naming tensor, seen, wanted.
Result<std::vector<ParamSource>> read(std::span<const std::byte> bytes,
                                      std::shared_ptr<const void> keepalive);

/// Maps `path` and reads it. Errors: kFileNotFound, kFileUnreadable, kFileDamaged.
Result<std::vector<ParamSource>> read_file(const std::string& path);

}  // namespace rlx::safetensors
