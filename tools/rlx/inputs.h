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

/// --fill NAME=LOW:HIGH. Errors: kUsage for what is no range, and for a name that is no input.
rlx::Result<std::map<std::string, FillRange>> parse_fills(const std::vector<std::string>& texts, const rlx::BindingManifest& manifest);

/// A random tensor for every input of a numeric manifest that `inputs` has not, by seeds that count up from `seed` + 1 in
/// the manifest's order; each of them is said in `notes`.
void fill_missing(const rlx::BindingManifest& manifest, const std::map<std::string, FillRange>& fills, std::uint64_t seed,
                  std::vector<rlx::NamedTensor>& inputs, std::vector<std::string>& notes);

/// Every symbol of the template with a size: from `given` tensors, from `bind`, else as completed(), noted in `notes`. Errors: kUnknownName, kSymbolConflict, kWrongDtype, kWrongShape, kUnknownSymbol.
rlx::Result<rlx::Binding> complete_binding(rlx::ModelCompilePipeline& pipeline, const rlx::Template& from, const std::vector<rlx::NamedTensor>& given,
                                           const rlx::Binding& bind, std::vector<std::string>& notes);

}  // namespace rlx_tool
