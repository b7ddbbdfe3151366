// SPDX-License-Identifier: Apache-2.0
// Compiles elementwise: its region, read as a list of pointwise steps over blocks that stay in cache.
#include "kernels/generic/elementwise.h"

#include <memory>

#include "compile_ops.h"

namespace rlx_cpu {
namespace {

/// Calls a fast f32 kernel from the interpreter.
struct FastStep {
  UnaryKernel unary = nullptr;
  Activation act{0, 0, 0};

  static void run(const void* self, const float* x, float* y, int64_t n) {
    const FastStep& step = *static_cast<const FastStep*>(self);
    if (step.unary != nullptr)
      step.unary(x, y, n);
    else
      kernels().act(step.act, x, n, y, n, 1, n);
  }
};

struct Program {
  ElementwisePlan plan;
  std::vector<std::unique_ptr<FastStep>> fast;
};

class Reader {
 public:
  Reader(OpContext& c, Program* program) : c_(c), g_(c.b.graph()), program_(*program), out_(c.y(0)) {}

  /// Empty where the whole region is a step list.
  std::optional<Answer> read() {
    const uint32_t index = c_.op().regions[0];
    const rlx_lir_region& region = g_.region(index);
    if (region.param_count != c_.operands() || region.result_count != c_.results()) return c_.wrong_dims();
    for (uint32_t i = 0; i < region.param_count; ++i) {
      const uint32_t param = g_.region_params(index)[i];
      if (param == RLX_NO_INDEX || !c_.present(i)) continue;
      const View& view = g_.value(param).view;
      if (!same_dims(view, c_.x(i)) || view.dtype != c_.x(i).dtype)
        return c_.about(i, "differs from the region's param");
      params_[param] = i;
    }
    for (uint32_t i = 0; i < region.op_count; ++i) {
      RLX_CPU_REQUIRE(read_op(g_.op(region.ops + i)));
    }
    for (uint32_t i = 0; i < region.result_count; ++i) {
      const uint32_t value = g_.region_results(index)[i];
      if (!same_dims(c_.y(i), out_) || !same_dims(g_.value(value).view, out_) ||
          g_.value(value).view.dtype != c_.y(i).dtype)
        return refuse("elementwise: result %u has other dims than result 0", i);
      StepOperand operand;
      RLX_CPU_REQUIRE(resolve(value, &operand));
      results_.push_back(operand);
    }
    const KernelStatus status = plan_elementwise(dtypes_, steps_, results_, &program_.plan);
    if (!status.ok())
      return refuse("elementwise: step %lld of its region has no kernel (status %d)",
                    static_cast<long long>(status.index), status.status);
    return std::nullopt;
  }

  const std::vector<ViewId>& inputs() const { return inputs_; }
  double ns_per_element() const { return ns_; }
  bool looked_at_sizes() const { return sized_; }

 private:
  std::optional<Answer> read_op(const GraphOp& op) {
    const rlx_lir_op& record = *op.record;
    const auto i64 = [&](uint32_t key) { return static_cast<uint32_t>(g_.i64(op, key, 0)); };
    if (record.ns.offset != RLX_NO_INDEX || record.version != 1 || record.result_count != 1)
      return refuse("elementwise: op %u of its region is unknown", op.index);
    const View& y = g_.value(op.results[0]).view;
    ElementwiseStep step;
    step.dtype = y.dtype;
    step.fn = i64(RLX_ATTR_FN);
    uint32_t operands = 1;
    switch (record.opcode) {
      case RLX_OP_COPY:
        return alias(op);
      case RLX_OP_UNARY:
        step.kind = StepKind::kUnary;
        ns_ += 1;
        break;
      case RLX_OP_BINARY:
        step.kind = StepKind::kBinary, operands = 2;
        ns_ += 0.2;
        break;
      case RLX_OP_COMPARE:
        step.kind = StepKind::kCompare, operands = 2;
        ns_ += 0.2;
        break;
      case RLX_OP_SELECT:
        step.kind = StepKind::kSelect, operands = 3;
        ns_ += 0.3;
        break;
      case RLX_OP_CAST:
        step.kind = StepKind::kCast, step.round = i64(RLX_ATTR_ROUND), step.overflow = i64(RLX_ATTR_OVERFLOW);
        ns_ += 1;
        break;
      case RLX_OP_ACT: {
        step.kind = StepKind::kAct;
        const ActParams params = act_params(OpContext(c_.b, op), step.fn);
        step.alpha = params.alpha, step.beta = params.beta;
        ns_ += 1;
        break;
      }
      default:
        return refuse("elementwise: %s in its region is no pointwise step", opcode_name(record.opcode));
    }
    if (record.operand_count != operands)
      return refuse("elementwise: %s in its region has %u operands", opcode_name(record.opcode),
                    record.operand_count);
    if (!c_.b.stretches(y, out_))
      return refuse("elementwise: a value of its region does not stretch to the result");
    StepOperand* const targets[3] = {&step.a, &step.b, &step.c};
    for (uint32_t i = 0; i < operands; ++i) {
      if (op.operands[i] == RLX_NO_INDEX)
        return refuse("elementwise: %s in its region lacks operand %u", opcode_name(record.opcode), i);
      if (!c_.b.stretches(g_.value(op.operands[i]).view, y))
        return refuse("elementwise: operand %u of %s in its region does not stretch", i,
                      opcode_name(record.opcode));
      RLX_CPU_REQUIRE(resolve(op.operands[i], targets[i]));
    }
    set_fast(&step, op);
    made_[op.results[0]] = {true, static_cast<uint32_t>(steps_.size())};
    steps_.push_back(step);
    return std::nullopt;
  }

  void set_fast(ElementwiseStep* step, const GraphOp& op) {
    if (step->dtype != RLX_DTYPE_F32 || g_.value(op.operands[0]).view.dtype != RLX_DTYPE_F32) return;
    auto fast = std::make_unique<FastStep>();
    if (step->kind == StepKind::kUnary) fast->unary = kernels().unary(step->fn);
    if (step->kind == StepKind::kAct && step->fn <= RLX_ACT_THRESHOLDED_RELU)
      fast->act = {step->fn, static_cast<float>(step->alpha), static_cast<float>(step->beta)};
    else if (fast->unary == nullptr)
      return;
    step->fast = FastStep::run;
    step->fast_context = fast.get();
    program_.fast.push_back(std::move(fast));
  }

  std::optional<Answer> alias(const GraphOp& op) {
    if (op.record->operand_count != 1 || op.operands[0] == RLX_NO_INDEX)
      return refuse("elementwise: copy in its region lacks its operand");
    StepOperand operand;
    RLX_CPU_REQUIRE(resolve(op.operands[0], &operand));
    made_[op.results[0]] = operand;
    return std::nullopt;
  }

  std::optional<Answer> resolve(uint32_t value, StepOperand* operand) {
    const auto found = made_.find(value);
    if (found != made_.end()) return *operand = found->second, std::nullopt;
    const GraphValue& source = g_.value(value);
    const uint32_t root = g_.root(value);
    ViewId view = kNoView;
    if (const auto param = params_.find(root); param != params_.end()) {
      view = c_.in(param->second);
      // A view of a param counts from a dense one.
      if (root != value) sized_ = true;
      if (root != value)
        view =
            c_.b.derive(c_.b.dense(view, c_.index()), source.view, static_cast<int64_t>(source.byte_offset));
    } else if (g_.value(root).storage == RLX_LIR_STORAGE_CONSTANT) {
      view = c_.b.of(value);
    } else if (const auto inner = made_.find(root); inner != made_.end() && source.byte_offset == 0 &&
                                                    is_dense(source.view) &&
                                                    same_but_leading_ones(source.view, g_.value(root).view)) {
      sized_ = true;
      return *operand = inner->second, std::nullopt;
    } else {
      return refuse("elementwise: a value of its region is a view that no step can be");
    }
    const auto stretched = c_.b.stretched(view, out_.rank, out_.dims);
    if (!stretched) return refuse("elementwise: an operand does not stretch to the result");
    *operand = {false, static_cast<uint32_t>(inputs_.size())};
    inputs_.push_back(*stretched);
    dtypes_.push_back(source.view.dtype);
    made_[value] = *operand;
    return std::nullopt;
  }

  static bool same_but_leading_ones(const View& a, const View& b) {
    uint32_t i = a.rank, k = b.rank;
    while (i > 0 && k > 0 && a.dims[i - 1] == b.dims[k - 1]) --i, --k;
    while (i > 0 && a.dims[i - 1] == 1) --i;
    while (k > 0 && b.dims[k - 1] == 1) --k;
    return i == 0 && k == 0;
  }

  OpContext& c_;
  const ImageGraph& g_;
  Program& program_;
  View out_;
  std::map<uint32_t, uint32_t> params_;   // region param -> operand
  std::map<uint32_t, StepOperand> made_;  // value -> step or input
  std::vector<ViewId> inputs_;
  std::vector<uint32_t> dtypes_;
  std::vector<ElementwiseStep> steps_;
  std::vector<StepOperand> results_;
  double ns_ = 0.3;
  bool sized_ = false;
};

}  // namespace

Answer compile_elementwise(Builder& b, const GraphOp& op) {
  OpContext c(b, op);
  if (c.results() < 1 || c.results() > kElementwiseMaxResults)
    return refuse("elementwise has %u results, wanted 1 to %u", c.results(), kElementwiseMaxResults);
  if (op.record->region_count != 1)
    return refuse("elementwise has %u regions, wanted 1", op.record->region_count);
  auto program = std::make_unique<Program>();
  Reader reader(c, program.get());
  RLX_CPU_REQUIRE(reader.read());
  if (reader.inputs().size() > kElementwiseMaxSlots) return refuse("elementwise has too many operands");
  const int64_t items = element_count(c.y(0));
  Builder::Work work{c.index(), items, double(items) * reader.ns_per_element(), reader.inputs(), {}};
  std::vector<ViewId> outputs;
  for (uint32_t i = 0; i < c.results(); ++i) outputs.push_back(c.out(i));
  work.writes = outputs;
  b.step(work,
         [program = std::move(program), inputs = reader.inputs(), outputs](const StepRun& run,
                                                                           Range range) -> KernelStatus {
           View in[kElementwiseMaxSlots], out[kElementwiseMaxResults];
           for (size_t i = 0; i < inputs.size(); ++i) in[i] = run.views[inputs[i]];
           for (size_t i = 0; i < outputs.size(); ++i) out[i] = run.views[outputs[i]];
           return elementwise(program->plan, in, out, range);
         });
  return reader.looked_at_sizes() || c.results() > 1 ? Answer::native_for_these_sizes() : Answer{};
}

}  // namespace rlx_cpu
