// SPDX-License-Identifier: Apache-2.0
// From a graph written with MirBuilder to the reference's answers.
#pragma once

#include <functional>
#include <vector>

#include "runtime/ir/build.h"
#include "runtime/reference/interpreter.h"

namespace rlx::reference::test {

/// An input: a dense tensor whose floats are rounded to their dtype, or integers.
Tensor reals(DType dtype, Sizes dims, std::vector<double> values);
Tensor integers(DType dtype, Sizes dims, std::vector<std::int64_t> values);
/// `count` numbers from -1 to 1 times `scale`, the same on every machine.
std::vector<double> noise(std::size_t count, unsigned seed, double scale = 1);

using Build = std::function<std::vector<ValueId>(MirBuilder&, const std::vector<ValueId>& inputs)>;

enum class How { kDirect, kRegion, kUsual };
/// Builds the graph, makes an image of it and runs it with bounds (kUsual: by run_bounds).
Result<std::vector<TensorPtr>> run(const std::vector<Tensor>& inputs, const Build& build,
                                   How how = How::kDirect, Precision precision = Precision::kF32);
/// The one result; a failure ends the test program with its message.
Tensor run_one(const std::vector<Tensor>& inputs, const Build& build, How how = How::kDirect,
               Precision precision = Precision::kF32);

}  // namespace rlx::reference::test
