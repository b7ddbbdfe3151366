// SPDX-License-Identifier: Apache-2.0
// Elements of a tensor as a person reads them, whatever their dtype.
#pragma once

#include <rlx/host/tensor.hpp>

#include <string>

namespace rlx_tool {

/// The first `most` elements with spaces between, and " ..." where there are more; "" for a tensor of none.
std::string values_text(const rlx::Tensor& tensor, std::size_t most);

}  // namespace rlx_tool
