// SPDX-License-Identifier: Apache-2.0
// What an op of an image is called in an error: its kind, its name, and the model's tensors that it reads.
#pragma once

#include <string>
#include <string_view>

#include "runtime/base/result.h"
#include "runtime/base/span.h"

namespace rlx {

/// "`gather` (embeddings/word), which reads param `table` and input `ids`"; empty for an op or image that is none.
std::string op_text(Bytes image, std::uint32_t op_index);

/// The error of a run, with its template and the op that the backend blames.
Error with_op(Error error, std::string_view template_name, Bytes image, std::uint32_t op_index);

}  // namespace rlx
