// SPDX-License-Identifier: Apache-2.0
// Views, temporaries and steps of the executable in the making; decides where threads must wait for each
// other.
#include "compile_builder.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>

#include "device.h"
#include "kernels/generic/pointwise.h"

namespace rlx_cpu {
namespace {

constexpr uint64_t kTempAlignment = 64;
constexpr double kMeetNs = 3000;        // threads that meet at a barrier
constexpr double kPartNs = 700;         // less work than this is not worth a thread
constexpr double kChunkNs = 2'000'000;  // between two looks at the caller's poll
constexpr uint64_t kNoPlace = UINT64_MAX;

uint64_t rounded(uint64_t bytes) { return (bytes + kTempAlignment - 1) / kTempAlignment * kTempAlignment; }

}  // namespace

Answer refuse(const char* format, ...) {
  Answer answer;
  answer.verdict = RLX_VERDICT_UNSUPPORTED;
  answer.numeric = true;
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(answer.reason, sizeof answer.reason, format, arguments);
  va_end(arguments);
  return answer;
}

Builder::Builder(const ImageGraph& graph, uint32_t threads)
    : graph_(graph),
      threads_(threads),
      out_(std::make_unique<rlx_executable>()),
      outer_(graph.value_count(), kNoView),
      list_(&out_->program) {
  out_->views.reserve(graph.value_count());
  out_->inner_arena = graph.planned() ? graph.count(RLX_LIR_ARENAS) : 0;
  if (!graph.planned()) place_values();
}

// ---- Views
// --------------------------------------------------------------------------------------------------------------

ViewId Builder::of(uint32_t value) {
  const auto known = [&]() -> ViewId& { return scope_ ? scope_->try_emplace(value, kNoView).first->second : outer_[value]; };
  if (const ViewId id = known(); id != kNoView) return id;
  const ViewId id = make_view(value);
  known() = id;
  return id;
}

ViewId Builder::make_view(uint32_t value) {
  const GraphValue& source = graph_.value(value);
  if (source.storage == RLX_LIR_STORAGE_VIEW) {
    return derive(of(source.index), source.view, static_cast<int64_t>(source.byte_offset));
  }
  ViewRecord record;
  record.view = source.view;
  record.index = source.index;
  switch (source.storage) {
    case RLX_LIR_STORAGE_INPUT:
      record.root = Root::kInput;
      break;
    case RLX_LIR_STORAGE_OUTPUT:
      record.root = Root::kOutput;
      break;
    case RLX_LIR_STORAGE_PARAM:
      record.root = Root::kParam;
      if (source.index < out_->params.size()) out_->params[source.index].used = true;
      break;
    case RLX_LIR_STORAGE_CONSTANT:
      record.root = Root::kConstant;
      record.index = 0;
      record.offset = static_cast<int64_t>(source.byte_offset);
      break;
    default: {
      record.root = Root::kArena;
      if (graph_.planned() && source.storage == RLX_LIR_STORAGE_TEMP &&
          graph_.place(value).arena != RLX_NO_INDEX) {
        record.index = graph_.place(value).arena;
        record.offset = static_cast<int64_t>(graph_.place(value).offset);
      } else {
        const bool placed = source.storage == RLX_LIR_STORAGE_TEMP && value < own_places_.size() &&
                            own_places_[value] != kNoPlace;
        record.index = out_->inner_arena;
        record.offset = static_cast<int64_t>(placed ? own_places_[value] : need_temp(source.byte_size));
      }
    }
  }
  out_->views.push_back(record);
  return static_cast<ViewId>(out_->views.size() - 1);
}

ViewId Builder::derive(ViewId from, const View& view, int64_t byte_shift) {
  ViewRecord record = out_->views[from];
  record.view = view;
  record.view.data = nullptr;
  record.offset += byte_shift;
  out_->views.push_back(record);
  return static_cast<ViewId>(out_->views.size() - 1);
}

std::optional<ViewId> Builder::stretched(ViewId from, uint32_t rank, const int64_t* dims) {
  const View& source = view(from);
  if (source.rank > rank) return std::nullopt;
  View target = source;
  target.rank = rank;
  bool same = source.rank == rank;
  const uint32_t shift = rank - source.rank;
  for (uint32_t i = 0; i < rank; ++i) {
    const int64_t dim = i < shift ? 1 : source.dims[i - shift];
    target.dims[i] = dims[i];
    target.strides[i] = i < shift || dim != dims[i] ? 0 : source.strides[i - shift];
    if (dim != dims[i] && dim != 1) return std::nullopt;
    same = same && dim == dims[i];
  }
  return same ? from : derive(from, target);
}

bool Builder::stretches(const View& from, const View& to) {
  if (from.rank > to.rank) return false;
  for (uint32_t i = 0; i < from.rank; ++i) {
    const int64_t dim = from.dims[i];
    if (dim != 1 && dim != to.dims[i + to.rank - from.rank]) return false;
  }
  return true;
}

ViewId Builder::temp(uint32_t dtype, uint32_t rank, const int64_t* dims) {
  ViewRecord record;
  record.view = dense_view(nullptr, dtype, rank, dims);
  record.index = out_->inner_arena;
  record.offset = static_cast<int64_t>(
      need_temp(static_cast<uint64_t>(element_count(record.view) * element_bytes(dtype))));
  out_->views.push_back(record);
  return static_cast<ViewId>(out_->views.size() - 1);
}

ViewId Builder::dense(ViewId from, uint32_t op_index) {
  if (is_dense(view(from))) return from;
  const View source = view(from);
  const ViewId to = temp(source.dtype, source.rank, source.dims);
  copy_step(from, to, op_index);
  return to;
}

void Builder::redirect(uint32_t value, ViewId view) { outer_[value] = view; }

uint32_t Builder::add_pack(PackRecipe recipe) {
  out_->packs.push_back(std::move(recipe));
  return static_cast<uint32_t>(out_->packs.size() - 1);
}

void Builder::need_scratch(uint64_t bytes) {
  out_->scratch_bytes = std::max(out_->scratch_bytes, rounded(bytes));
}

uint64_t Builder::need_temp(uint64_t bytes) {
  const uint64_t at = out_->temp_bytes;
  out_->temp_bytes += rounded(bytes);
  return at;
}

// ---- Own plan
// -----------------------------------------------------------------------------------------------------------

/// Places every TEMP of the main graph at the lowest offset that is free for its whole life (first fit in
/// order of birth).
void Builder::place_values() {
  const uint32_t count = graph_.value_count();
  const rlx_lir_region& main = graph_.region(0);
  std::vector<uint32_t> last(count, 0);
  for (uint32_t step = 0; step < main.op_count; ++step) {
    const GraphOp& op = graph_.op(main.ops + step);
    for (uint32_t i = 0; i < op.record->operand_count; ++i) {
      if (op.operands[i] != RLX_NO_INDEX) last[graph_.root(op.operands[i])] = step;
    }
    for (uint32_t i = 0; i < op.record->result_count; ++i)
      last[graph_.root(op.results[i])] = std::max(last[graph_.root(op.results[i])], step);
  }
  for (uint32_t i = 0; i < graph_.count(RLX_LIR_OUTPUTS); ++i)
    last[graph_.root(graph_.output(i).value)] = main.op_count;
  struct Alive {
    uint64_t begin, end;
    uint32_t last;
  };
  std::vector<Alive> alive;  // by begin
  own_places_.assign(count, kNoPlace);
  for (uint32_t step = 0; step < main.op_count; ++step) {
    const GraphOp& op = graph_.op(main.ops + step);
    for (uint32_t i = 0; i < op.record->result_count; ++i) {
      const uint32_t id = op.results[i];
      if (graph_.value(id).storage != RLX_LIR_STORAGE_TEMP || own_places_[id] != kNoPlace) continue;
      const uint64_t bytes = rounded(graph_.value(id).byte_size);
      std::erase_if(alive, [&](const Alive& a) { return a.last < step; });
      uint64_t at = 0;
      size_t where = 0;
      for (; where < alive.size() && at + bytes > alive[where].begin; ++where)
        at = std::max(at, alive[where].end);
      alive.insert(alive.begin() + static_cast<std::ptrdiff_t>(where), {at, at + bytes, last[id]});
      std::sort(alive.begin(), alive.end(), [](const Alive& a, const Alive& b) { return a.begin < b.begin; });
      own_places_[id] = at;
      out_->temp_bytes = std::max(out_->temp_bytes, at + bytes);
    }
  }
}

// ---- Steps
// --------------------------------------------------------------------------------------------------------------

Touched Builder::touched(ViewId id) const {
  const ViewRecord& source = record(id);
  Touched result{source.root, source.index, 0, 0, 1};
  byte_span(source.view, &result.begin, &result.end);
  result.begin += source.offset;
  result.end += source.offset;
  // A state pair is one piece of memory under two names.
  if (source.root == Root::kOutput && source.index < out_->outputs.size() &&
      out_->outputs[source.index].state_pair != RLX_NO_INDEX) {
    result.root = Root::kInput;
    result.index = out_->outputs[source.index].state_pair;
  }
  return result;
}

Touched Builder::touched_temp(std::pair<uint64_t, uint64_t> bytes) const {
  return {Root::kArena, out_->inner_arena, static_cast<int64_t>(bytes.first),
          static_cast<int64_t>(bytes.second), 1};
}

void Builder::add(Step step, const Work& work) {
  step.op_index = work.op_index;
  step.items = work.items;
  const double parts = work.ns / kPartNs + 1;
  step.parts = work.alone ? 1
                          : static_cast<uint32_t>(std::min(
                                {parts, double(threads_), double(std::max<int64_t>(work.items, 1))}));
  if (work.ns > 2 * kChunkNs)
    step.chunk = std::max<int64_t>(1, static_cast<int64_t>(double(work.items) * kChunkNs / work.ns));
  std::vector<Touched> reads, writes;
  for (ViewId id : work.reads) reads.push_back(touched(id));
  for (ViewId id : work.writes) writes.push_back(touched(id));
  if (work.temp_read.first < work.temp_read.second) reads.push_back(touched_temp(work.temp_read));
  if (work.temp_write.first < work.temp_write.second) writes.push_back(touched_temp(work.temp_write));
  for (Touched& t : reads) t.parts = step.parts;
  for (Touched& t : writes) t.parts = step.parts;
  const auto any = [](const std::vector<Touched>& now, const TouchedRanges& before) {
    return std::any_of(now.begin(), now.end(), [&](const Touched& t) { return before.conflicts(t); });
  };
  if (barrier_next_ || any(reads, writes_) || any(writes, writes_) || any(writes, reads_)) {
    step.barrier = true;
    barrier_next_ = false;
    reads_.clear();
    writes_.clear();
  }
  for (const Touched& t : reads) reads_.insert(t);
  for (const Touched& t : writes) writes_.insert(t);
  total_ns_ += work.ns + 40;
  saved_ns_ += work.ns * (1 - 1.0 / step.parts) - (step.barrier ? kMeetNs : 0);
  if (work.op_index < graph_.op_count()) step.name = opcode_name(graph_.op(work.op_index).record->opcode);
  list_->steps.push_back(std::move(step));
}

void Builder::copy_step(ViewId from, ViewId to, uint32_t op_index) {
  const int64_t items = element_count(view(to));
  const bool easy = is_dense(view(from)) && is_dense(view(to));
  const Work work{
      op_index, items, double(items * element_bytes(view(to).dtype)) * (easy ? 0.1 : 0.4), {from}, {to}};
  step(work,
       [from, to](const StepRun& run, Range range) { return copy(run.views[from], run.views[to], range); });
}

// ---- Control flow
// -------------------------------------------------------------------------------------------------------

Answer Builder::region(uint32_t region, const std::vector<ViewId>& arguments, StepList* list,
                       std::vector<ViewId>* results, const std::function<Answer()>& finish) {
  const rlx_lir_region& record = graph_.region(region);
  if (record.param_count != arguments.size())
    return refuse("region %u has %u params, wanted %zu", region, record.param_count, arguments.size());
  std::map<uint32_t, ViewId> scope;
  for (uint32_t i = 0; i < record.param_count; ++i) {
    const uint32_t param = graph_.region_params(region)[i];
    if (param == RLX_NO_INDEX || arguments[i] == kNoView) continue;
    const View& wanted = graph_.value(param).view;
    const View& seen = view(arguments[i]);
    if (wanted.dtype != seen.dtype || wanted.rank != seen.rank ||
        !std::equal(wanted.dims, wanted.dims + wanted.rank, seen.dims)) {
      return refuse("region %u: param %u differs from its operand in dtype or dims", region, i);
    }
    scope[param] = arguments[i];
  }
  std::swap(list, list_);
  std::map<uint32_t, ViewId>* const outer = std::exchange(scope_, &scope);
  barrier_next_ = true;
  Answer answer;
  for (uint32_t i = 0; i < record.op_count && answer.native(); ++i) answer = compile_op(record.ops + i);
  for (uint32_t i = 0; i < record.result_count && answer.native(); ++i)
    results->push_back(of(graph_.region_results(region)[i]));
  if (answer.native()) answer = finish();
  scope_ = outer;
  std::swap(list, list_);
  barrier_next_ = true;
  return answer;
}

void Builder::control(Step step, uint32_t op_index) {
  step.op_index = op_index;
  step.barrier = true;
  step.name = opcode_name(graph_.op(op_index).record->opcode);
  list_->steps.push_back(std::move(step));
  barrier_next_ = true;
  total_ns_ += 1000;
}

// ---- Ops
// ----------------------------------------------------------------------------------------------------------------

Answer Builder::compile_op(uint32_t index) {
  const GraphOp& op = graph_.op(index);
  const rlx_lir_op& record = *op.record;
  const bool has_region =
      record.region_count != 0 && record.opcode != RLX_OP_IF && record.opcode != RLX_OP_WHILE;
  Answer answer;
  const std::string ns = graph_.text(record.ns);
  const OpCompiler compiler = record.ns.offset == RLX_NO_INDEX ? compiler_of(record.opcode) : nullptr;
  if (record.ns.offset != RLX_NO_INDEX) {
    answer = refuse("ops of namespace \"%.40s\" are unknown", ns.c_str()).whatever_the_sizes();
  } else if (compiler == nullptr) {
    answer = refuse("no kernel for this op").whatever_the_sizes();
  } else if (record.version != 1) {
    answer =
        refuse("%s of version %u, wanted 1", opcode_name(record.opcode), record.version).whatever_the_sizes();
  } else if (record.flags != 0) {
    answer = refuse("%s has unknown flags %u", opcode_name(record.opcode), record.flags).whatever_the_sizes();
  } else {
    for (uint32_t i = 0; i < record.operand_count && answer.native(); ++i) {
      if (op.operands[i] == RLX_NO_INDEX || graph_.value(op.operands[i]).known) continue;
      answer = refuse("%s: operand %u has dtype %u", opcode_name(record.opcode), i,
                      graph_.value(op.operands[i]).view.dtype)
                   .whatever_the_sizes();
      answer.operand = i;
    }
    for (uint32_t i = 0; i < record.result_count && answer.native(); ++i) {
      if (!graph_.value(op.results[i]).known)
        answer = refuse("%s: result %u has dtype %u", opcode_name(record.opcode), i,
                        graph_.value(op.results[i]).view.dtype)
                     .whatever_the_sizes();
    }
    if (answer.native()) answer = compiler(*this, op);
  }
  if (!answer.native() && has_region) answer.verdict = RLX_VERDICT_EXPAND;
  return answer;
}

}  // namespace rlx_cpu
