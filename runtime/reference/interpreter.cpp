// SPDX-License-Identifier: Apache-2.0
#include "runtime/reference/interpreter.h"

#include <algorithm>
#include <cmath>

#include "runtime/base/check.h"
#include "runtime/ir/lir/image.h"
#include "runtime/ir/op.h"
#include "runtime/reference/call.h"

namespace rlx::reference {
namespace {

thread_local std::uint32_t failed_at = RLX_NO_INDEX;

Sizes numbers(const Dims& dims) {
  Sizes out;
  for (const Dim& dim : dims) out.push_back(dim.number());
  return out;
}

/// The same bits as another dtype of the same width.
TensorPtr reinterpreted(const Tensor& from, DType dtype) {
  std::vector<std::byte> bytes(from.count() * dtype_bytes(from.dtype));
  write_values(from, bytes.data());
  Operand view{dtype, from.dims, dense_strides(from.dims), 0, bytes.data(), nullptr};
  auto out = std::make_shared<Tensor>(*view.load());
  if (!from.e.empty()) out->e.assign(out->count(), kInfinity);
  return out;
}

/// One run: the tensors of all values, by value number.
class Run {
 public:
  Run(const lir::Module& module, const RunMemory& memory, const RunOptions& options)
      : module_(module), memory_(memory), options_(options), slots_(module.values.size()) {}

  Result<std::vector<TensorPtr>> outputs() {
    const std::vector<std::uint32_t> last = last_uses();
    const lir::Region& main = module_.regions.at(0);
    for (std::uint32_t at = main.first_op; at < main.first_op + main.op_count; ++at) {
      RLX_TRY(run_op(at));
      for (const std::uint32_t value : module_.ops[at].operands)
        if (value != RLX_NO_INDEX && last[root_of(value)] == at) slots_[root_of(value)].reset();
    }
    std::vector<TensorPtr> out;
    for (const lir::Io& output : module_.outputs) out.push_back(operand(output.value).load());
    return out;
  }

 private:
  std::uint32_t root_of(std::uint32_t value) const {
    const lir::Value& record = module_.values[value];
    return record.storage == lir::Storage::kView ? record.index : value;
  }

  /// Per root, the last op of the main graph that reads it; outputs stay.
  std::vector<std::uint32_t> last_uses() const {
    std::vector<std::uint32_t> last(module_.values.size(), RLX_NO_INDEX);
    const lir::Region& main = module_.regions.at(0);
    for (std::uint32_t at = main.first_op; at < main.first_op + main.op_count; ++at)
      for (const std::uint32_t value : module_.ops[at].operands)
        if (value != RLX_NO_INDEX) last[root_of(value)] = at;
    for (const lir::Io& output : module_.outputs) last[root_of(output.value)] = RLX_NO_INDEX;
    return last;
  }

  Operand operand(std::uint32_t id) const {
    Operand out;
    if (id == RLX_NO_INDEX) return out;
    const lir::Value& value = module_.values[id];
    const std::uint32_t root_id = root_of(id);
    const lir::Value& root = module_.values[root_id];
    out.dtype = value.dtype;
    out.dims = numbers(value.dims);
    out.strides = value.strides ? numbers(*value.strides) : dense_strides(out.dims);
    if (value.dtype == DType::kNone) return out;
    if (value.storage == lir::Storage::kView)
      out.offset = value.byte_offset.number() / static_cast<std::int64_t>(dtype_bytes(root.dtype));
    switch (root.storage) {
      case lir::Storage::kInput:
        out.raw = memory_.inputs.at(root.index).data();
        break;
      case lir::Storage::kParam:
        out.raw = memory_.params.at(root.index).data();
        break;
      case lir::Storage::kConstant:
        out.raw = module_.constants.at(root.index).data();
        break;
      default:
        out.root = slots_[root_id];
        RLX_CHECK(out.root || element_count(out.dims) == 0, "value ", root_id, " is read before it is made");
    }
    if (out.root && out.root->dtype != out.dtype) out.root = reinterpreted(*out.root, out.dtype);
    if (!out.raw && !out.root) out.root = std::make_shared<Tensor>(out.dtype, out.dims);
    return out;
  }

  Status run_op(std::uint32_t at) {
    const lir::Op& op = module_.ops[at];
    if (options_.poll) RLX_TRY(options_.poll());
    Call call{op, {}, {}, options_.bounds, options_.independent, options_.precision, {}, [this] {
                return options_.poll ? options_.poll() : Status();
              }};
    for (const std::uint32_t id : op.operands) call.in.push_back(operand(id));
    for (const std::uint32_t id : op.results)
      call.out.emplace_back(module_.values[id].dtype, numbers(module_.values[id].dims));
    call.region = [this, &op](std::size_t index, const std::vector<TensorPtr>& params) {
      return run_region(op.regions.at(index), params);
    };
    const OpFunction direct = op.ns.empty() ? function_of(op.opcode) : nullptr;
    const bool by_region =
        !direct || (options_.composites_by_region && op.opcode >= 256 && !op.regions.empty());
    if (Status status = by_region ? reference::run_region(call) : direct(call); !status) {
      if (failed_at == RLX_NO_INDEX) failed_at = at;
      return std::move(status).error().within(join("op ", at, " (", op_name(op.opcode), ")"));
    }
    for (std::size_t n = 0; n < op.results.size(); ++n)
      slots_[op.results[n]] = std::make_shared<Tensor>(std::move(call.out[n]));
    return {};
  }

  Result<std::vector<TensorPtr>> run_region(std::uint32_t index, const std::vector<TensorPtr>& params) {
    const lir::Region& region = module_.regions.at(index);
    for (std::size_t n = 0; n < region.params.size(); ++n)
      slots_[region.params[n]] = n < params.size() ? params[n] : nullptr;
    for (std::uint32_t at = region.first_op; at < region.first_op + region.op_count; ++at)
      RLX_TRY(run_op(at));
    std::vector<TensorPtr> out;
    for (const std::uint32_t result : region.results) out.push_back(operand(result).load());
    return out;
  }

  const lir::Module& module_;
  const RunMemory& memory_;
  const RunOptions& options_;
  std::vector<TensorPtr> slots_;
};

}  // namespace

namespace {

double root_mean_square(const std::vector<double>& values) {
  double sum = 0, count = 0;
  for (const double v : values)
    if (std::isfinite(v)) sum += v * v, ++count;
  return count > 0 ? std::sqrt(sum / count) : 0;
}

}  // namespace

Result<Precision> precision_named(std::string_view name) {
  constexpr std::pair<std::string_view, Precision> kNames[] = {{"f32", Precision::kF32},
                                                               {"f32_strict", Precision::kF32Strict},
                                                               {"tf32", Precision::kTf32},
                                                               {"f16", Precision::kF16},
                                                               {"bf16", Precision::kBf16}};
  for (const auto& [known, precision] : kNames)
    if (name == known) return precision;
  return fail(ErrorCode::kInvalidArgument, "no precision class `", name, "`, wanted f32, f32_strict, tf32, f16 or bf16");
}

Answer answer_for(const lir::Op& op) {
  if (op.ns.empty() && op.version == 1 && function_of(op.opcode)) return Answer::kDirect;
  return op.regions.empty() ? Answer::kUnknown : Answer::kRegion;
}

Result<Program> Program::make(Bytes image) {
  RLX_ASSIGN(lir::Module module, lir::read_image(image));
  for (std::size_t at = 0; at < module.ops.size(); ++at) {
    const lir::Op& op = module.ops[at];
    if (answer_for(op) == Answer::kUnknown)
      return fail(ErrorCode::kUnsupportedOps, "op ", at, ": opcode ", op.opcode, " of \"", op.ns,
                  "\" version ", op.version, " is not defined here and has no region");
  }
  Program program;
  program.module_ = std::make_shared<const lir::Module>(std::move(module));
  return program;
}

Result<std::vector<TensorPtr>> Program::run(const RunMemory& memory, const RunOptions& options) const {
  failed_at = RLX_NO_INDEX;
  return guard([&] { return Run(*module_, memory, options).outputs(); });
}

Result<std::vector<TensorPtr>> Program::run_bounds(const RunMemory& memory, RunOptions options) const {
  options.bounds = true;
  options.independent = false;
  RLX_ASSIGN(std::vector<TensorPtr> worst, run(memory, options));
  options.independent = true;
  RLX_ASSIGN(const std::vector<TensorPtr> usual, run(memory, options));
  for (std::size_t n = 0; n < worst.size(); ++n) {
    if (!worst[n]->real() || worst[n]->e.empty()) continue;
    auto least = std::make_shared<Tensor>(*worst[n]);
    const double strong = root_mean_square(least->v) / 100;
    for (std::size_t at = 0; at < least->e.size(); ++at)
      if (least->e[at] > strong) least->e[at] = std::min(least->e[at], 8 * usual[n]->bound(at));
    worst[n] = std::move(least);
  }
  return worst;
}

std::uint32_t Program::failed_op() { return failed_at; }

}  // namespace rlx::reference
