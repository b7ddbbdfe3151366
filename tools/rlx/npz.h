// SPDX-License-Identifier: Apache-2.0
// NumPy's .npz: named arrays in a zip archive. Reads what NumPy writes, in C order; bytes from outside are checked.
#pragma once

#include <rlx/host/tensor.hpp>

#include <string>
#include <vector>

namespace rlx_tool {

/// Errors: kFileNotFound, kFileDamaged naming the entry and what is wrong with it.
rlx::Result<std::vector<rlx::NamedTensor>> read_npz(const std::string& path);

/// Writes beside `path` and renames. Errors: kFileUnwritable; kWrongDtype for bf16, of which NumPy has no dtype.
rlx::Status write_npz(const std::string& path, const std::vector<rlx::NamedTensor>& tensors);

}  // namespace rlx_tool
