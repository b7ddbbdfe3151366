// SPDX-License-Identifier: Apache-2.0
// Inputs of a run that has none or only some: random by seed, and the binding that they and --bind imply.
#pragma once

#include <rlx/host/pipeline.hpp>

#include <map>
#include <string>
#include <vector>

namespace rlx_tool {

/// Range of random values of one input.
struct FillRange {
  double low = 0, high = 1;
};

/// A tensor of `dtype` and `dims`: floats uniform in [low, high), integers in [low, high], bools true.
rlx::Tensor random_tensor(rlx::DType dtype, const std::vector<std::int64_t>& dims, FillRange range, std::uint64_t seed);

/// "integers 0 to 1", for the printed line of an input.
std::string describe_fill(rlx::DType dtype, FillRange range);

/// Every symbol of the template with a size: from `given` tensors, from `bind`, else its least size (at least 1; noted in
/// `notes`). Errors: kUnknownName, kSymbolConflict, kWrongDtype, kWrongShape, kUnknownSymbol.
rlx::Result<rlx::Binding> complete_binding(const rlx::Template& from, const std::vector<rlx::NamedTensor>& given,
                                           const rlx::Binding& bind, std::vector<std::string>& notes);

}  // namespace rlx_tool
