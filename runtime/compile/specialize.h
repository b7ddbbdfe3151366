// SPDX-License-Identifier: Apache-2.0
// Template + binding + device -> LIR image. The template keeps, per device, the ready image of every verdict that the
// device has given, so that a new shape costs: copy, evaluate, check, plan.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "runtime/compile/legalize.h"
#include "runtime/compile/target.h"
#include "runtime/ir/lir/image.h"

namespace rlx {

/// What became of the ops on the way to one image.
struct DispatchSummary {
  std::size_t native = 0;
  std::size_t expanded = 0;
  std::size_t copies = 0;
  std::vector<std::string> notes;  ///< one per expanded composite: name and the backend's reason
};

struct SpecializedImage {
  std::shared_ptr<const lir::Image> image;
  std::shared_ptr<const DispatchSummary> dispatch;
};

/// Who decides which composites stay; kinds are names of ops ("softmax", "vendor.op").
struct SpecializeOptions {
  bool expand_all = false;   ///< inline every composite unasked, but those of `keep`
  bool native_only = false;  ///< every composite must stay, but those of `expand`
  std::set<std::string, std::less<>> expand, keep;
  bool strict_fusion = false;     ///< a composite that the device makes us inline is an error
  std::uint32_t alignment = 64;   ///< of values in the arena: a power of two
};

/// Binding checks that need no device: every symbol bound, none unknown, each in its range, every constraint kept.
/// Errors: kUnboundSymbol, kUnknownSymbol, kSymbolOutOfRange, kConstraintViolated, naming symbol, value and range.
Status check_binding(const Graph& graph, const DimBinding& binding);

/// One template on one device. Thread-safe.
class Specializer {
 public:
  /// `graph`: the optimised template, verified; shared, never changed.
  Specializer(std::shared_ptr<const Graph> graph, Target target, SpecializeOptions options = {}, Hash128 template_hash = {});
  ~Specializer();

  /// Errors: those of check_binding; kUnsupportedOps listing every op that is neither native nor expandable, or must stay
  /// and is not native; kMissedFusion.
  Result<SpecializedImage> specialize(const DimBinding& binding);

  /// The slow path for tests and debug builds: legalizes from the template's graph, binds, infers every shape again from
  /// the bound graph, plans and writes. Must give the bytes of specialize().
  Result<lir::Image> specialize_slowly(const DimBinding& binding);

 private:
  struct Stage;
  Result<Stage*> root();
  Result<Stage*> settle(const DimBinding& binding, std::shared_ptr<const lir::Image>& image);
  Result<Stage*> child(Stage& stage, const std::vector<Verdict>& verdicts);
  Result<std::unique_ptr<Stage>> make_stage(std::shared_ptr<const Graph> graph, DispatchSummary dispatch) const;
  bool must_expand(const Node& node) const;
  bool must_stay(const Node& node) const;

  std::shared_ptr<const Graph> graph_;
  Target target_;
  SpecializeOptions options_;
  Hash128 template_hash_;
  std::mutex mutex_;
  std::unique_ptr<Stage> root_;
};

}  // namespace rlx
