// SPDX-License-Identifier: Apache-2.0
// The rules of a bound module. Tables first, so that later rules may index freely; then definitions and uses, views,
// regions, and the plan.
#include <algorithm>
#include <map>
#include <queue>

#include "runtime/ir/lir/lives.h"
#include "runtime/ir/lir/parse_image.h"
#include "runtime/ir/lir/sizes.h"

namespace rlx::lir {
namespace {

constexpr std::uint32_t kMaxRegionDepth = 16;
constexpr std::uint32_t kMaxArenaAlignment = 1u << 21;

template <class... Pieces>
Error bad(const Pieces&... pieces) {
  return fail(ErrorCode::kInvalidImage, pieces...);
}

std::int64_t element_bytes(const Value& value) { return rlx_dtype_bytes(static_cast<std::uint32_t>(value.dtype)); }

/// Of a value whose dims are known to fit.
std::uint64_t byte_size(const Value& value) {
  std::uint64_t bytes = static_cast<std::uint64_t>(element_bytes(value));
  for (const Dim& dim : value.dims)
    if (dim.number() == 0) return 0;
  for (const Dim& dim : value.dims) bytes *= static_cast<std::uint64_t>(dim.number());
  return bytes;
}

bool is_empty(const Value& value) {
  return std::any_of(value.dims.begin(), value.dims.end(), [](const Dim& dim) { return dim.number() == 0; });
}

bool same_shape(const Value& a, const Value& b) { return a.dtype == b.dtype && a.dims == b.dims; }

class Checker {
 public:
  explicit Checker(const Module& module) : module_(module), defined_in_(module.values.size(), RLX_NO_INDEX) {}

  Status run() {
    RLX_TRY(check_regions_exist());
    for (std::uint32_t i = 0; i < module_.values.size(); ++i) RLX_TRY(check_value(i));
    RLX_TRY(check_tables());
    for (std::uint32_t region = 0; region < module_.regions.size(); ++region) RLX_TRY(check_region(region));
    RLX_TRY(check_nesting());
    RLX_TRY(check_outputs());
    RLX_TRY(check_states());
    for (std::size_t i = 0; i < module_.extents.size(); ++i) RLX_TRY(check_extent(i));
    return module_.plan ? check_plan(*module_.plan) : Status();
  }

 private:
  const Value& value(std::uint32_t index) const { return module_.values[index]; }
  std::uint32_t root(std::uint32_t index) const {
    return value(index).storage == Storage::kView ? value(index).index : index;
  }

  Status check_regions_exist() const {
    if (module_.regions.empty()) return bad("there is no region 0");
    if (!module_.regions[0].params.empty() || !module_.regions[0].results.empty())
      return bad("region 0 has params or results, want inputs and outputs only");
    return {};
  }

  // ---- values and tables ----
  Status check_value(std::uint32_t index) const {
    const Value& each = value(index);
    switch (each.storage) {
      case Storage::kInput: return check_entry(index, "input", module_.inputs);
      case Storage::kOutput: return check_entry(index, "output", module_.outputs);
      case Storage::kParam: return check_entry(index, "param", module_.params);
      case Storage::kView: return check_view(index);
      default: return {};
    }
  }

  template <class Entry>
  Status check_entry(std::uint32_t index, const char* table, const std::vector<Entry>& entries) const {
    const std::uint32_t entry = value(index).index;
    if (entry >= entries.size() || entries[entry].value != index)
      return bad("value ", index, " says that it is ", table, " ", entry, ", which says otherwise");
    return {};
  }

  Status check_view(std::uint32_t index) const {
    const Value& view = value(index);
    if (view.index >= module_.values.size() || value(view.index).storage == Storage::kView)
      return bad("value ", index, " is a view of ", view.index, ", want a value that is no view");
    const Value& from = value(view.index);
    const std::int64_t element = element_bytes(view);
    const std::int64_t offset = view.byte_offset.number();
    if (element != element_bytes(from) || !element || offset % element)
      return bad("value ", index, " views elements of ", element_bytes(from), " bytes as ", element, " at byte ", offset);
    if (!view_fits(view, byte_size(from))) return bad("value ", index, " leaves its root, value ", view.index);
    return {};
  }

  /// The lowest and highest element of the view lie in [0, bytes); a view of nothing lies anywhere.
  static bool view_fits(const Value& view, std::uint64_t bytes) {
    const std::int64_t size = static_cast<std::int64_t>(bytes);
    std::int64_t low = view.byte_offset.number();
    if (is_empty(view)) return true;
    std::int64_t high = low;
    for (std::size_t axis = 0; axis < view.dims.size(); ++axis) {
      const std::int64_t stride = (*view.strides)[axis].number();
      std::int64_t reach = 0;
      if (__builtin_mul_overflow(view.dims[axis].number() - 1, stride, &reach) ||
          __builtin_mul_overflow(reach, element_bytes(view), &reach))
        return false;
      std::int64_t& end = reach < 0 ? low : high;
      if (__builtin_add_overflow(end, reach, &end)) return false;
    }
    return low >= 0 && high <= size - element_bytes(view);
  }

  Status check_tables() const {
    for (std::uint32_t i = 0; i < module_.inputs.size(); ++i)
      RLX_TRY(check_holder("input", i, module_.inputs[i].value, Storage::kInput));
    for (std::uint32_t i = 0; i < module_.params.size(); ++i) {
      const ParamRef& param = module_.params[i];
      RLX_TRY(check_holder("param", i, param.value, Storage::kParam));
      if (param.dtype != value(param.value).dtype || param.dims != value(param.value).dims)
        return bad("param ", i, " and its value ", param.value, " differ in shape");
    }
    return {};
  }

  Status check_holder(const char* table, std::uint32_t entry, std::uint32_t index, Storage storage) const {
    if (index >= module_.values.size() || value(index).storage != storage || value(index).index != entry)
      return bad(table, " ", entry, " is value ", index, ", which says otherwise");
    return {};
  }

  // ---- definitions and uses ----
  bool is_visible(std::uint32_t index, std::uint32_t region) const {
    if (index >= module_.values.size()) return false;
    const std::uint32_t from = root(index);
    switch (value(from).storage) {
      case Storage::kConstant: return true;
      case Storage::kInput:
      case Storage::kParam: return region == 0;
      default: return defined_in_[from] == region;
    }
  }

  Status define(std::uint32_t index, std::uint32_t region) {
    if (index >= module_.values.size()) return bad("defines value ", index, " of ", module_.values.size());
    const Storage storage = value(index).storage;
    const bool fits = region == 0 ? storage == Storage::kTemp || storage == Storage::kOutput : storage == Storage::kRegion;
    if (!fits) return bad("defines value ", index, ", whose storage is ", static_cast<std::uint32_t>(storage));
    if (defined_in_[index] != RLX_NO_INDEX) return bad("defines value ", index, " again");
    defined_in_[index] = region;
    return {};
  }

  Status check_region(std::uint32_t index) {
    const Region& region = module_.regions[index];
    for (const std::uint32_t param : region.params)
      if (param != RLX_NO_INDEX) RLX_TRY(named("region ", index, define(param, index)));
    if (region.op_count > module_.ops.size() || region.first_op > module_.ops.size() - region.op_count)
      return bad("region ", index, " has ops past the last");
    for (std::uint32_t op = region.first_op; op < region.first_op + region.op_count; ++op)
      RLX_TRY(named("op ", op, check_op(module_.ops[op], index)));
    for (const std::uint32_t result : region.results)
      if (!is_visible(result, index)) return bad("region ", index, " returns value ", result, ", which it does not see");
    return {};
  }

  static Status named(const char* kind, std::uint32_t index, Status status) {
    if (status) return status;
    return std::move(status).error().within(join(kind, index));
  }

  Status check_op(const Op& op, std::uint32_t region) {
    const OpInfo* info = op.ns.empty() ? op_info(op.opcode) : nullptr;
    if (info && info->mir_only) return bad("`", info->name, "` is never in an image");
    for (const std::uint32_t operand : op.operands)
      if (operand != RLX_NO_INDEX && !is_visible(operand, region))
        return bad("reads value ", operand, ", which is not defined before it in its region");
    for (const std::uint32_t result : op.results) RLX_TRY(define(result, region));
    for (std::size_t i = 0; i < op.regions.size(); ++i) RLX_TRY(check_carried(op, i));
    return {};
  }

  // ---- regions ----
  Status check_carried(const Op& op, std::size_t which) const {
    const std::uint32_t index = op.regions[which];
    if (index == 0 || index >= module_.regions.size()) return bad("carries region ", index, " of ", module_.regions.size());
    const Region& region = module_.regions[index];
    if (region.params.size() != op.operands.size())
      return bad("region ", index, " has ", region.params.size(), " params for ", op.operands.size(), " operands");
    for (std::size_t i = 0; i < region.params.size(); ++i)
      if (!stands_for(region.params[i], op.operands[i]))
        return bad("param ", i, " of region ", index, " has another shape than operand ", i);
    if (op.ns.empty() && op.opcode == RLX_OP_WHILE && which == 0) return check_condition(index);
    if (region.results.size() != op.results.size())
      return bad("region ", index, " has ", region.results.size(), " results for ", op.results.size());
    for (std::size_t i = 0; i < region.results.size(); ++i)
      if (region.results[i] >= module_.values.size() || !same_shape(value(region.results[i]), value(op.results[i])))
        return bad("result ", i, " of region ", index, " has another shape than result ", i, " of the op");
    return {};
  }

  bool stands_for(std::uint32_t param, std::uint32_t operand) const {
    if (param != RLX_NO_INDEX && param >= module_.values.size()) return false;
    if (operand == RLX_NO_INDEX) return param == RLX_NO_INDEX || value(param).dtype == DType::kNone;
    return param != RLX_NO_INDEX && same_shape(value(param), value(operand));
  }

  Status check_condition(std::uint32_t index) const {
    const std::vector<std::uint32_t>& results = module_.regions[index].results;
    if (results.size() != 1 || results[0] >= module_.values.size() || value(results[0]).dtype != DType::kBool ||
        byte_size(value(results[0])) != 1)
      return bad("the condition, region ", index, ", wants one bool as its result");
    return {};
  }

  /// Every region but the first is carried by some op, none by itself, none deeper than kMaxRegionDepth.
  Status check_nesting() const {
    std::vector<std::uint32_t> carriers(module_.regions.size(), 0);
    for (const Op& op : module_.ops)
      for (const std::uint32_t child : op.regions) ++carriers[child];
    std::vector<std::uint32_t> depth(module_.regions.size(), 0);
    std::vector<std::uint32_t> ready = {0};
    std::size_t seen = 0;
    for (; seen < ready.size(); ++seen) {
      const Region& region = module_.regions[ready[seen]];
      for (std::uint32_t op = region.first_op; op < region.first_op + region.op_count; ++op)
        for (const std::uint32_t child : module_.ops[op].regions) {
          depth[child] = std::max(depth[child], depth[ready[seen]] + 1);
          if (depth[child] > kMaxRegionDepth) return bad("region ", child, " is nested deeper than ", kMaxRegionDepth);
          if (--carriers[child] == 0) ready.push_back(child);
        }
    }
    for (std::uint32_t region = 1; region < module_.regions.size(); ++region)
      if (depth[region] == 0 || carriers[region])
        return bad("region ", region, " is carried by no op of the graph, or by itself");
    return {};
  }

  // ---- outputs, state, extents ----
  Status check_outputs() const {
    for (std::uint32_t i = 0; i < module_.outputs.size(); ++i)
      if (!is_visible(module_.outputs[i].value, 0))
        return bad("output ", i, " is value ", module_.outputs[i].value, ", which the graph does not define");
    return {};
  }

  Status check_states() const {
    std::vector<bool> input_seen(module_.inputs.size()), output_seen(module_.outputs.size());
    for (std::size_t i = 0; i < module_.states.size(); ++i) {
      const StatePair& pair = module_.states[i];
      if (pair.input >= module_.inputs.size() || pair.output >= module_.outputs.size())
        return bad("state pair ", i, " is input ", pair.input, " and output ", pair.output, ", which are not there");
      if (input_seen[pair.input] || output_seen[pair.output]) return bad("state pair ", i, " shares its input or output");
      input_seen[pair.input] = output_seen[pair.output] = true;
      if (!same_shape(value(module_.inputs[pair.input].value), value(module_.outputs[pair.output].value)))
        return bad("state pair ", i, ": input ", pair.input, " and output ", pair.output, " differ in shape");
    }
    return {};
  }

  Status check_extent(std::size_t i) const {
    const Extent& extent = module_.extents[i];
    if (extent.value >= module_.values.size() || extent.axis >= value(extent.value).dims.size())
      return bad("extent ", i, " names axis ", extent.axis, " of value ", extent.value, ", which is not there");
    if (!is_visible(extent.size_value, 0) || value(extent.size_value).dtype != DType::kI64 ||
        !value(extent.size_value).dims.empty())
      return bad("extent ", i, ": value ", extent.size_value, " is no i64 scalar of the main graph");
    return {};
  }

  // ---- plan ----
  Status check_plan(const Plan& plan) const {
    if (plan.places.size() != module_.values.size())
      return bad("the plan has ", plan.places.size(), " places for ", module_.values.size(), " values");
    for (std::size_t i = 0; i < plan.arenas.size(); ++i) {
      const std::uint32_t alignment = plan.arenas[i].alignment;
      if (alignment == 0 || (alignment & (alignment - 1)) || alignment > kMaxArenaAlignment || plan.arenas[i].bytes > kMaxBytes)
        return bad("arena ", i, " has ", plan.arenas[i].bytes, " bytes at an alignment of ", alignment);
    }
    const std::vector<Life> lives = lives_of(module_);
    std::vector<bool> lives_there(module_.values.size());
    for (const Life& life : lives) {
      lives_there[life.value] = true;
      RLX_TRY(check_place(plan, life.value));
    }
    for (std::uint32_t i = 0; i < plan.places.size(); ++i)
      if (!lives_there[i] && (plan.places[i].arena != RLX_NO_INDEX || plan.places[i].offset))
        return bad("value ", i, " has a place but is no result that an arena may hold");
    return check_disjoint(plan, lives);
  }

  Status check_place(const Plan& plan, std::uint32_t index) const {
    const Place& place = plan.places[index];
    const std::uint64_t bytes = byte_size(value(index));
    if (place.arena == RLX_NO_INDEX && !place.offset && !bytes) return {};
    if (place.arena >= plan.arenas.size()) return bad("value ", index, " lies in arena ", place.arena, ", which is not there");
    const Arena& arena = plan.arenas[place.arena];
    if (place.offset % arena.alignment || bytes > arena.bytes || place.offset > arena.bytes - bytes)
      return bad("value ", index, " of ", bytes, " bytes lies at ", place.offset, " of an arena of ", arena.bytes,
                 " aligned to ", arena.alignment);
    return {};
  }

  /// A sweep over steps; what is alive is kept by address.
  Status check_disjoint(const Plan& plan, const std::vector<Life>& lives) const {
    using Key = std::pair<std::uint32_t, std::uint64_t>;  // arena, offset
    std::map<Key, std::pair<std::uint64_t, std::uint32_t>> alive;  // -> end, value
    using Death = std::pair<std::uint32_t, Key>;
    std::priority_queue<Death, std::vector<Death>, std::greater<>> deaths;
    for (const Life& life : lives) {
      for (; !deaths.empty() && deaths.top().first < life.first; deaths.pop()) alive.erase(deaths.top().second);
      const Place& place = plan.places[life.value];
      const std::uint64_t bytes = byte_size(value(life.value));
      if (!bytes) continue;
      const Key key{place.arena, place.offset};
      const auto next = alive.lower_bound(key);
      if (next != alive.end() && next->first.first == place.arena && next->first.second < place.offset + bytes)
        return overlap(life.value, next->second.second);
      if (next != alive.begin() && std::prev(next)->first.first == place.arena &&
          std::prev(next)->second.first > place.offset)
        return overlap(life.value, std::prev(next)->second.second);
      alive.emplace(key, std::pair(place.offset + bytes, life.value));
      deaths.emplace(life.last, key);
    }
    return {};
  }

  static Error overlap(std::uint32_t a, std::uint32_t b) {
    return bad("values ", a, " and ", b, " share bytes of an arena while both are alive");
  }

  const Module& module_;
  std::vector<std::uint32_t> defined_in_;  ///< region that defines each value
};

}  // namespace

Status check_module(const Module& module) { return Checker(module).run(); }

}  // namespace rlx::lir
