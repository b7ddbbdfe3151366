// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/numeric/shrink.h"

#include <algorithm>
#include <chrono>
#include <map>

#include "runtime/ir/lir/image.h"
#include "tools/conform/numeric/expected.h"
#include "tools/conform/numeric/image_builder.h"

namespace rlx::conform {
namespace {

using lir::Storage;

Result<lir::Module> module_of(const std::string& image) {
  lir::Image aligned(image.size());
  std::copy_n(reinterpret_cast<const std::byte*>(image.data()), image.size(), aligned.bytes().data());
  return lir::read_image(aligned.bytes());
}

std::uint32_t root_of(const lir::Module& module, std::uint32_t value) {
  return module.values[value].storage == Storage::kView ? module.values[value].index : value;
}

/// Bytes of every result of the main graph, as the reference computes them.
Result<std::map<std::uint32_t, std::string>> all_results(const NumericCase& from, const std::set<std::uint32_t>& wanted) {
  RLX_ASSIGN(lir::Module module, module_of(from.image));
  std::vector<std::uint32_t> values(wanted.begin(), wanted.end());
  module.plan.reset();
  for (const std::uint32_t value : values) module.outputs.push_back({"value" + std::to_string(value), value});
  RLX_ASSIGN(const lir::Image image, lir::write_image(module));
  RLX_ASSIGN(const std::vector<reference::Tensor> tensors, expected_outputs(bytes_of(image), from.inputs, from.params));
  std::map<std::uint32_t, std::string> out;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const reference::Tensor& tensor = tensors[tensors.size() - values.size() + i];
    std::string& bytes = out[values[i]];
    bytes.resize(tensor.count() * dtype_bytes(tensor.dtype));
    reference::write_values(tensor, reinterpret_cast<std::byte*>(bytes.data()));
  }
  return out;
}

/// One reduction: what is needed, and the module rewritten over it.
class Reducer {
 public:
  Reducer(const NumericCase& from, lir::Module module, const Cut& cut) : from_(from), old_(std::move(module)), cut_(cut), keep_(old_.values.size(), false) {}

  Result<NumericCase> run() {
    if (!old_.states.empty() || !old_.extents.empty()) return fail(ErrorCode::kUnsupportedOps, "images with states or extents are not cut");
    if (cut_.end) end_at(*cut_.end);
    find_needed();
    RLX_ASSIGN(results_, all_results(from_, cut_values_));
    number_values();
    write_tables();
    write_ops();
    write_plan();
    RLX_ASSIGN(const lir::Image image, lir::write_image(new_));
    RLX_TRY(lir::verify_image(image.bytes()));
    made_.image = bytes_of(image);
    made_.compare = from_.compare;
    return std::move(made_);
  }

 private:
  // ---- what is needed ----
  void end_at(std::uint32_t op) {
    old_.outputs.clear();
    for (const std::uint32_t result : old_.ops[op].results) {
      old_.values[result].storage = Storage::kOutput;
      old_.values[result].index = static_cast<std::uint32_t>(old_.outputs.size());
      old_.outputs.push_back({"value" + std::to_string(result), result});
    }
  }

  void find_needed() {
    const std::uint32_t count = old_.regions[0].op_count;
    std::vector<bool> wanted(old_.values.size(), false);
    for (std::uint32_t i = 0; i < old_.outputs.size(); ++i)
      if (cut_.outputs.empty() || cut_.outputs.count(i)) want(old_.outputs[i].value, wanted);
    needed_.assign(count, false);
    for (std::uint32_t i = count; i-- > 0;) {
      const lir::Op& op = old_.ops[i];
      const bool is_read = std::any_of(op.results.begin(), op.results.end(), [&](std::uint32_t result) { return wanted[result]; });
      if (!is_read) continue;
      if (cut_.ops.count(i)) {
        for (const std::uint32_t result : op.results)
          if (wanted[result]) cut_values_.insert(result);
        continue;
      }
      needed_[i] = true;
      for (const std::uint32_t result : op.results) keep_[result] = true;
      for (const std::uint32_t operand : op.operands) want(operand, wanted);
      for (const std::uint32_t region : op.regions) keep_region(region, wanted);
    }
  }

  void want(std::uint32_t value, std::vector<bool>& wanted) {
    if (value == RLX_NO_INDEX) return;
    const std::uint32_t root = root_of(old_, value);
    wanted[value] = wanted[root] = true;
    keep_[value] = keep_[root] = true;
  }

  void keep_region(std::uint32_t index, std::vector<bool>& wanted) {
    const lir::Region& region = old_.regions[index];
    for (const std::uint32_t value : region.params) want(value, wanted);
    for (std::uint32_t i = 0; i < region.op_count; ++i) {
      const lir::Op& op = old_.ops[region.first_op + i];
      for (const std::uint32_t value : op.operands) want(value, wanted);
      for (const std::uint32_t value : op.results) want(value, wanted);
      for (const std::uint32_t inner : op.regions) keep_region(inner, wanted);
    }
    for (const std::uint32_t value : region.results) want(value, wanted);
  }

  // ---- the new module ----
  std::uint32_t mapped(std::uint32_t value) const { return value == RLX_NO_INDEX ? value : number_[value]; }

  void number_values() {
    number_.assign(old_.values.size(), RLX_NO_INDEX);
    for (std::uint32_t i = 0; i < old_.values.size(); ++i) {
      if (!keep_[i]) continue;
      number_[i] = static_cast<std::uint32_t>(new_.values.size());
      new_.values.push_back(old_.values[i]);
    }
    for (lir::Value& value : new_.values)
      if (value.storage == Storage::kView) value.index = number_[value.index];
  }

  lir::Value& moved(std::uint32_t old_value, Storage storage, std::size_t index) {
    lir::Value& value = new_.values[number_[old_value]];
    value.storage = storage;
    value.index = static_cast<std::uint32_t>(index);
    return value;
  }

  void write_tables() {
    for (std::size_t i = 0; i < old_.inputs.size(); ++i) {
      if (!keep_[old_.inputs[i].value]) continue;
      moved(old_.inputs[i].value, Storage::kInput, new_.inputs.size());
      new_.inputs.push_back({old_.inputs[i].name, mapped(old_.inputs[i].value)});
      made_.inputs.push_back(from_.inputs[i]);
    }
    for (const std::uint32_t value : cut_values_) {
      moved(value, Storage::kInput, new_.inputs.size());
      new_.inputs.push_back({"value" + std::to_string(value), mapped(value)});
      made_.inputs.push_back(results_.at(value));
    }
    for (std::size_t i = 0; i < old_.params.size(); ++i) {
      if (!keep_[old_.params[i].value]) continue;
      moved(old_.params[i].value, Storage::kParam, new_.params.size());
      lir::ParamRef param = old_.params[i];
      param.value = mapped(param.value);
      param.set_index = static_cast<std::uint32_t>(new_.params.size());
      new_.params.push_back(std::move(param));
      made_.params.push_back(from_.params[i]);
    }
    for (std::uint32_t i = 0; i < old_.values.size(); ++i) {
      if (!keep_[i] || old_.values[i].storage != Storage::kConstant) continue;
      new_.values[number_[i]].index = static_cast<std::uint32_t>(new_.constants.size());
      new_.constants.push_back(old_.constants[old_.values[i].index]);
    }
    std::set<std::uint32_t> written;
    for (std::uint32_t i = 0; i < old_.outputs.size(); ++i) {
      const std::uint32_t value = old_.outputs[i].value;
      if (!cut_.outputs.empty() && !cut_.outputs.count(i)) continue;
      if (old_.values[value].storage == Storage::kOutput && !cut_values_.count(value) && written.insert(value).second)
        moved(value, Storage::kOutput, new_.outputs.size());
      new_.outputs.push_back({old_.outputs[i].name, mapped(value)});
    }
    // What was an output and is read by what is left is a temp now.
    for (std::uint32_t i = 0; i < old_.values.size(); ++i)
      if (keep_[i] && old_.values[i].storage == Storage::kOutput && !written.count(i) && !cut_values_.count(i)) moved(i, Storage::kTemp, 0);
  }

  lir::Op renumbered(const lir::Op& op) {
    lir::Op out = op;
    for (std::uint32_t& value : out.operands) value = mapped(value);
    for (std::uint32_t& value : out.results) value = mapped(value);
    for (std::uint32_t& region : out.regions) {
      pending_.push_back(region);
      region = static_cast<std::uint32_t>(pending_.size());
    }
    return out;
  }

  void write_ops() {
    new_.regions.emplace_back();
    for (std::uint32_t i = 0; i < needed_.size(); ++i)
      if (needed_[i]) new_.ops.push_back(renumbered(old_.ops[i]));
    new_.regions[0].op_count = static_cast<std::uint32_t>(new_.ops.size());
    for (std::size_t i = 0; i < pending_.size(); ++i) {  // grows while it is walked
      lir::Region region = old_.regions[pending_[i]];
      const std::uint32_t first = region.first_op;
      region.first_op = static_cast<std::uint32_t>(new_.ops.size());
      for (std::uint32_t k = 0; k < region.op_count; ++k) new_.ops.push_back(renumbered(old_.ops[first + k]));
      for (std::uint32_t& value : region.params) value = mapped(value);
      for (std::uint32_t& value : region.results) value = mapped(value);
      new_.regions.push_back(std::move(region));
    }
  }

  /// The old places where they still hold, else the usual plan.
  void write_plan() {
    if (!old_.plan) return;
    lir::Plan plan;
    plan.arenas = old_.plan->arenas;
    plan.places.resize(new_.values.size());
    bool whole = true;
    for (std::uint32_t i = 0; i < old_.values.size(); ++i) {
      if (!keep_[i] || new_.values[number_[i]].storage != Storage::kTemp) continue;
      whole = whole && old_.values[i].storage == Storage::kTemp;
      plan.places[number_[i]] = old_.plan->places[i];
    }
    new_.plan = std::move(plan);
    if (!whole) new_.plan = lir::plan_module(new_);
  }

  const NumericCase& from_;
  lir::Module old_;
  const Cut& cut_;
  std::vector<bool> keep_, needed_;
  std::set<std::uint32_t> cut_values_;
  std::map<std::uint32_t, std::string> results_;
  std::vector<std::uint32_t> number_, pending_;
  lir::Module new_;
  NumericCase made_;
};

// ---- The search ------------------------------------------------------------------------------------------------------

class Search {
 public:
  Search(const NumericCase& from, const std::function<bool(const NumericCase&)>& fails, const ShrinkLimits& limits)
      : fails_(fails), limits_(limits), until_(Clock::now() + std::chrono::milliseconds(static_cast<long>(limits.seconds * 1000))) {
    shrunk_.smallest = from;
  }

  Shrunk run() {
    one_output();
    cut_prefix();
    cut_suffix();
    cut_singles();
    plain_data();
    usual_plan();
    for (unsigned i = 0; i < limits_.confirmations; ++i) shrunk_.confirmed += fails_(shrunk_.smallest);
    return std::move(shrunk_);
  }

 private:
  using Clock = std::chrono::steady_clock;

  bool is_over() const { return shrunk_.probes >= limits_.probes || Clock::now() >= until_; }

  /// Keeps the case where it fails.
  bool take(Result<NumericCase> made) {
    if (!made || is_over()) return false;
    ++shrunk_.probes;
    if (!fails_(*made)) return false;
    shrunk_.smallest = *std::move(made);
    return true;
  }
  bool take(const Cut& cut) { return take(reduce_case(shrunk_.smallest, cut)); }

  void one_output() {
    const auto module = module_of(shrunk_.smallest.image);
    for (std::uint32_t i = 0; module && module->outputs.size() > 1 && i < module->outputs.size(); ++i)
      if (take(Cut{{i}, {}, {}})) return;
    take(Cut{});  // what no output needs
  }

  static Cut first(std::uint32_t ops) {
    Cut cut;
    for (std::uint32_t i = 0; i < ops; ++i) cut.ops.insert(i);
    return cut;
  }

  /// As many of the first operations as may go: the failing one is then the first that is left, or near it.
  void cut_prefix() {
    for (std::uint32_t step = op_count(shrunk_.smallest) / 2; step > 0;) {
      if (step >= op_count(shrunk_.smallest) || !take(first(step))) step /= 2;
      if (is_over()) return;
    }
  }

  /// The graph ends as early as it may.
  void cut_suffix() {
    for (std::uint32_t step = op_count(shrunk_.smallest) / 2; step > 0;) {
      const std::uint32_t count = op_count(shrunk_.smallest);
      if (step >= count || !take(Cut{{}, {}, count - 1 - step})) step /= 2;
      if (is_over()) return;
    }
  }

  void cut_singles() {
    for (std::uint32_t i = 0; i < op_count(shrunk_.smallest) && !is_over();)
      if (op_count(shrunk_.smallest) < 2 || !take(Cut{{}, {i}, {}})) ++i;
  }

  /// Zeros first, then all but the first element zero.
  void plain_data() {
    for (const bool params : {false, true})
      for (std::size_t i = 0; i < (params ? shrunk_.smallest.params : shrunk_.smallest.inputs).size(); ++i) {
        NumericCase zero = shrunk_.smallest;
        std::string& bytes = (params ? zero.params : zero.inputs)[i];
        if (bytes.find_first_not_of('\0') == std::string::npos) continue;
        bytes.assign(bytes.size(), '\0');
        take(Result<NumericCase>(std::move(zero)));
      }
  }

  void usual_plan() {
    auto module = module_of(shrunk_.smallest.image);
    if (!module) return;
    NumericCase planned = shrunk_.smallest;
    module->plan = lir::plan_module(*module);
    const auto image = lir::write_image(*module);
    if (!image || bytes_of(*image) == planned.image) return;
    planned.image = bytes_of(*image);
    take(Result<NumericCase>(std::move(planned)));
  }

  const std::function<bool(const NumericCase&)>& fails_;
  const ShrinkLimits limits_;
  const Clock::time_point until_;
  Shrunk shrunk_;
};

}  // namespace

Result<NumericCase> reduce_case(const NumericCase& from, const Cut& cut) {
  RLX_ASSIGN(lir::Module module, module_of(from.image));
  return Reducer(from, std::move(module), cut).run();
}

std::uint32_t op_count(const NumericCase& made) {
  const auto module = module_of(made.image);
  return module ? module->regions[0].op_count : 0;
}

Shrunk shrink_case(const NumericCase& from, const std::function<bool(const NumericCase&)>& fails, const ShrinkLimits& limits) {
  return Search(from, fails, limits).run();
}

}  // namespace rlx::conform
