// SPDX-License-Identifier: Apache-2.0
// The interpreter: runs a verified image in float64, with an error bound for every float if asked. It is the
// truth that other backends are compared with: one plain definition per op, no plan, no threads, no kernels.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/base/span.h"
#include "runtime/ir/lir/module.h"
#include "runtime/reference/round.h"
#include "runtime/reference/tensor.h"

namespace rlx::reference {

struct RunOptions {
  bool bounds = false;  ///< carry e; otherwise every bound is empty
  /// Bounds add up as the root of squares, as errors do that are not in league: an estimate for long chains,
  /// where the worst case grows by orders of magnitude a layer and says nothing.
  bool independent = false;
  bool composites_by_region = false;  ///< run a composite's region where it has one, with its roundings twice
  Precision precision = Precision::kF32;  ///< the class that bounds of products are those of
  std::function<Status()> poll;       ///< asked between ops; an error stops the run
};

/// Errors: kInvalidArgument for a name that is none of f32, f32_strict, tf32, f16, bf16.
Result<Precision> precision_named(std::string_view name);

/// Bytes of a run, dense row-major: one per input, and one per param record of the image (empty where none
/// reads it).
struct RunMemory {
  std::vector<Bytes> inputs;
  std::vector<Bytes> params;
};

/// How the reference answers for one op of a module.
enum class Answer { kDirect, kRegion, kUnknown };

/// A program that runs any number of times, from any thread.
class Program {
 public:
  /// Errors: kInvalidImage, kImageVersion; kUnsupportedOps naming the first op that is neither defined nor
  /// has a region.
  static Result<Program> make(Bytes image);
  const lir::Module& module() const { return *module_; }
  /// Outputs in the order of the image's, dense. Errors: kDataError and what poll says, naming the op.
  Result<std::vector<TensorPtr>> run(const RunMemory& memory, const RunOptions& options) const;
  /// Outputs with bounds: of each element the worst case; but where that exceeds a hundredth of the tensor's
  /// root mean square, 8 times the independent estimate if that is less. So the worst case holds for single
  /// ops and short chains, and long ones keep a bound that a wrong result cannot meet.
  Result<std::vector<TensorPtr>> run_bounds(const RunMemory& memory, RunOptions options) const;
  /// Index of the op that the last failed run of this thread stopped at, or RLX_NO_INDEX.
  static std::uint32_t failed_op();

 private:
  std::shared_ptr<const lir::Module> module_;
};

Answer answer_for(const lir::Op& op);

}  // namespace rlx::reference
