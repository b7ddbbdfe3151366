// SPDX-License-Identifier: Apache-2.0
// What the compilers of single ops write into: views, temporaries, packs and steps. Support queries run the
// same compilers and throw the steps away, so that an answer and what compiling does cannot differ.
#pragma once

#include <rlx/compile.h>

#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "compile_executable.h"
#include "compile_graph.h"
#include "compile_touched.h"
#include "kernels/kernel_table.h"

namespace rlx_cpu {

/// The verdict on one op, with its reason where it is not NATIVE.
struct Answer {
  uint32_t verdict = RLX_VERDICT_NATIVE;
  uint32_t operand = RLX_NO_INDEX;
  uint32_t attribute = 0;
  bool numeric = false;  // with other dims, strides or numbers in attributes the verdict may be another
  char reason[128] = {};

  /// The same answer, for every image of the skeleton.
  Answer whatever_the_sizes() const {
    Answer answer = *this;
    answer.numeric = false;
    return answer;
  }
  /// NATIVE, but another size may not be.
  static Answer native_for_these_sizes() {
    Answer answer;
    answer.numeric = true;
    return answer;
  }
  bool native() const { return verdict == RLX_VERDICT_NATIVE; }
};

/// An answer that is not NATIVE: EXPAND where the op has a region, else UNSUPPORTED. Taken to depend on
/// numbers unless said otherwise.
__attribute__((format(printf, 1, 2))) Answer refuse(const char* format, ...);

using ViewId = uint32_t;
constexpr ViewId kNoView = RLX_NO_INDEX;

class Builder {
 public:
  /// `threads`: for how many the work is cut.
  Builder(const ImageGraph& graph, uint32_t threads);

  const ImageGraph& graph() const { return graph_; }
  uint32_t threads() const { return threads_; }

  // ---- Views ----
  /// The view of a value in the region that is being compiled.
  ViewId of(uint32_t value);
  const View& view(ViewId id) const { return out_->views[id].view; }
  const ViewRecord& record(ViewId id) const { return out_->views[id]; }
  /// Another look at the same memory.
  ViewId derive(ViewId from, const View& view, int64_t byte_shift = 0);
  /// Dims stretched by stride 0 to `dims`, numpy's rule. Nothing where they do not fit.
  std::optional<ViewId> stretched(ViewId from, uint32_t rank, const int64_t* dims);
  /// True where `from` stretches to the dims of `to`.
  static bool stretches(const View& from, const View& to);
  /// A new dense temporary, for as long as the run lasts.
  ViewId temp(uint32_t dtype, uint32_t rank, const int64_t* dims);
  /// The same elements, dense: itself, or a copy that a step makes.
  ViewId dense(ViewId from, uint32_t op_index);
  /// True for the memory of params, which a pack may be made from once.
  bool is_param(ViewId id) const { return record(id).root == Root::kParam; }
  uint32_t add_pack(PackRecipe recipe);
  /// Bytes of memory of its own that each thread needs in some step.
  void need_scratch(uint64_t bytes);
  /// Byte offset of new memory that all threads share.
  uint64_t need_temp(uint64_t bytes);

  // ---- Steps ----
  struct Work {
    uint32_t op_index = RLX_NO_INDEX;
    int64_t items = 0;
    double ns = 0;  // on one thread
    std::vector<ViewId> reads;
    std::vector<ViewId> writes;
    // Memory beyond views: [begin, end) of the temporaries.
    std::pair<uint64_t, uint64_t> temp_read{0, 0}, temp_write{0, 0};
    bool alone = false;  // one thread does it all
  };
  /// Adds a step: body(const StepRun&, Range) -> KernelStatus.
  template <class Body>
  void step(const Work& work, Body body) {
    struct Captured final : StepArgs {
      explicit Captured(Body b) : body(std::move(b)) {}
      Body body;
    };
    Step step;
    step.args = std::make_unique<Captured>(std::move(body));
    step.run = [](const StepArgs* args, const StepRun& run, Range range) -> KernelStatus {
      return static_cast<const Captured*>(args)->body(run, range);
    };
    add(std::move(step), work);
  }
  void copy_step(ViewId from, ViewId to, uint32_t op_index);

  // ---- Control flow ----
  /// Binds the params of a region to views and compiles its ops into a list of its own; results come back as
  /// views. `finish` may then add steps to the list.
  Answer region(uint32_t region, const std::vector<ViewId>& arguments, StepList* list,
                std::vector<ViewId>* results, const std::function<Answer()>& finish);
  void control(Step step, uint32_t op_index);
  double total_ns() const { return total_ns_; }
  /// What a team saves of it, less what its meetings cost; negative where one thread is faster.
  double saved_ns() const { return saved_ns_; }

  // ---- The whole ----
  Answer compile_op(uint32_t index);
  /// Lays the image's temporaries out where it has no plan, or where `own` says not to follow it.
  void place_values();
  rlx_executable& out() { return *out_; }
  std::unique_ptr<rlx_executable> take() { return std::move(out_); }
  /// Puts a value elsewhere than the image says (before it is first used).
  void redirect(uint32_t value, ViewId view);

 private:
  void add(Step step, const Work& work);
  Touched touched(ViewId id) const;
  Touched touched_temp(std::pair<uint64_t, uint64_t> bytes) const;
  ViewId make_view(uint32_t value);

  const ImageGraph& graph_;
  uint32_t threads_;
  std::unique_ptr<rlx_executable> out_;
  std::vector<uint64_t> own_places_;   // by value, where there is no plan
  std::vector<ViewId> outer_;          // by value of the main graph
  std::map<uint32_t, ViewId>* scope_ = nullptr;  // of the region at hand, where there is one
  StepList* list_;
  TouchedRanges reads_, writes_;  // since the last barrier
  double total_ns_ = 0, saved_ns_ = 0;
  bool barrier_next_ = false;  // the next step waits, whatever it touches
};

/// The compiler of one opcode. Writes steps on NATIVE; what it wrote before another answer is dropped by the
/// caller.
using OpCompiler = Answer (*)(Builder& builder, const GraphOp& op);
OpCompiler compiler_of(uint32_t opcode);
/// Name of an opcode for messages.
const char* opcode_name(uint32_t opcode);

}  // namespace rlx_cpu
