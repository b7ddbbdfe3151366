// SPDX-License-Identifier: Apache-2.0
// Module -> records. The order here is the canonical order: tables as the module gives them; pools in order of first
// use, walking values, ops, regions, params, inputs, outputs; names of origin last, so that nothing else depends on them.
#include "runtime/ir/lir/draft.h"

#include <bit>
#include <cstring>
#include <map>
#include <optional>

#include "runtime/ir/lir/sizes.h"

namespace rlx::lir {
namespace {

class Drafter {
 public:
  Drafter(const Module& module, bool allow_open) : module_(module), allow_open_(allow_open) {}

  Result<Draft> run() {
    if (!counts_fit()) return std::move(*error_);
    constant_offsets_.assign(module_.constants.size(), RLX_NO_INDEX);
    draft_.values.reserve(module_.values.size());
    draft_.ops.reserve(module_.ops.size());
    for (const Value& value : module_.values) add(value);
    for (const Op& op : module_.ops) add(op);
    for (const Region& region : module_.regions) add(region);
    for (const ParamRef& param : module_.params) add(param);
    for (const Io& io : module_.inputs) draft_.inputs.push_back({name(io.name), io.value, 0});
    for (const Io& io : module_.outputs) draft_.outputs.push_back({name(io.name), io.value, 0});
    for (const StatePair& pair : module_.states)
      draft_.states.push_back({pair.input, pair.output, RLX_LIR_STATE_MUST_ALIAS, 0});
    for (const Extent& extent : module_.extents)
      draft_.extents.push_back({extent.value, extent.axis, extent.size_value, 0});
    add_plan();
    draft_.graph_string_bytes = draft_.strings.size();
    add_debug();
    check_totals();
    draft_.template_hash = module_.template_hash;
    if (error_) return std::move(*error_);
    return std::move(draft_);
  }

 private:
  template <class... Pieces>
  void refuse(ErrorCode code, const Pieces&... pieces) {
    if (!error_) error_.emplace(fail(code, pieces...));
  }

  bool counts_fit() {
    std::uint64_t constant_bytes = 0;
    for (const auto& constant : module_.constants) constant_bytes += constant.size() + 7;
    for (const std::uint64_t count : {std::uint64_t{module_.values.size()}, std::uint64_t{module_.ops.size()},
                                      std::uint64_t{module_.regions.size()}, constant_bytes})
      if (count >= RLX_NO_INDEX) refuse(ErrorCode::kInvalidArgument, "an image cannot hold ", count, " records of a kind");
    if (module_.regions.empty()) refuse(ErrorCode::kInvalidArgument, "the module has no region 0");
    return !error_;
  }

  // ---- strings ----
  rlx_lir_string name(const std::string& text) {
    if (text.empty()) return {RLX_NO_INDEX, 0};
    string_uses_ += text.size();
    const auto [at, is_new] = strings_.try_emplace(text, static_cast<std::uint32_t>(draft_.strings.size()));
    if (is_new) draft_.strings.insert(draft_.strings.end(), text.begin(), text.end());
    return {at->second, static_cast<std::uint32_t>(text.size())};
  }

  std::uint32_t debug_name(const std::string& text) {
    if (text.empty()) return RLX_NO_INDEX;
    const std::string cut = text.c_str();  // ends at the first NUL, as a reader sees it
    string_uses_ += cut.size();
    const auto [at, is_new] = debug_strings_.try_emplace(cut, static_cast<std::uint32_t>(draft_.strings.size()));
    if (is_new) draft_.strings.insert(draft_.strings.end(), cut.c_str(), cut.c_str() + cut.size() + 1);
    return at->second;
  }

  // ---- numbers ----
  std::int64_t number(const Dim& dim, Fixup::Field field, std::size_t index, bool not_negative) {
    if (dim.is_number()) {
      if (not_negative && dim.number() < 0)
        refuse(ErrorCode::kInvalidArgument, owner(), ": a size or offset is ", dim.number(), ", want 0 or more");
      return dim.number();
    }
    if (!allow_open_) {
      refuse(ErrorCode::kUnboundSymbol, owner(), ": `", dim.to_string(), "` has symbols without a size");
      return 0;
    }
    draft_.fixups.push_back({field, not_negative, static_cast<std::uint32_t>(index), dim});
    return 0;
  }

  /// First of the dims in the i64 pool; 0 for none.
  std::uint32_t numbers(const Dims& dims, bool not_negative) {
    const auto first = draft_.i64s.size();
    for (const Dim& dim : dims) {
      const std::int64_t size = number(dim, Fixup::Field::kPool, draft_.i64s.size(), not_negative);
      draft_.i64s.push_back(size);
    }
    return dims.empty() ? 0 : static_cast<std::uint32_t>(first);
  }

  std::uint32_t indices(const std::vector<std::uint32_t>& list) {
    const auto first = draft_.u32s.size();
    draft_.u32s.insert(draft_.u32s.end(), list.begin(), list.end());
    return list.empty() ? 0 : static_cast<std::uint32_t>(first);
  }

  /// "value 7 `logits`" of the record being added.
  std::string owner() const {
    if (!owner_name_ || owner_name_->empty()) return join(owner_kind_, " ", owner_index_);
    return join(owner_kind_, " ", owner_index_, " `", *owner_name_, "`");
  }
  void own(const char* kind, std::size_t index, const std::string& text) {
    owner_kind_ = kind;
    owner_index_ = index;
    owner_name_ = &text;
  }

  // ---- records ----
  void add(const Value& value) {
    own("value", draft_.values.size(), value.name);
    rlx_lir_value record{};
    record.dtype = static_cast<std::uint32_t>(value.dtype);
    record.rank = static_cast<std::uint32_t>(value.dims.size());
    record.strides = RLX_NO_INDEX;
    record.storage = static_cast<std::uint32_t>(value.storage);
    if (value.dims.size() > RLX_MAX_RANK)
      return refuse(ErrorCode::kInvalidArgument, owner(), ": rank ", value.dims.size(), ", want at most ", RLX_MAX_RANK);
    if (value.strides.has_value() != (value.storage == Storage::kView) ||
        (value.strides && value.strides->size() != value.dims.size()))
      return refuse(ErrorCode::kInvalidArgument, owner(), ": strides belong to views, one per dim");
    record.dims = numbers(value.dims, true);
    if (value.strides) record.strides = numbers(*value.strides, false);
    if (!add_byte_size(value, record)) return;
    if (value.storage == Storage::kConstant) {
      record.byte_offset = constant_offset(value, record.byte_size);
    } else if (value.storage == Storage::kView) {
      record.index = value.index;
      record.byte_offset = static_cast<std::uint64_t>(
          number(value.byte_offset, Fixup::Field::kValueOffset, draft_.values.size(), true));
    } else if (value.storage != Storage::kTemp && value.storage != Storage::kRegion) {
      record.index = value.index;
    }
    draft_.values.push_back(record);
  }

  bool add_byte_size(const Value& value, rlx_lir_value& record) {
    for (const Dim& dim : value.dims) {
      if (dim.is_number()) continue;
      draft_.open_values.push_back(static_cast<std::uint32_t>(draft_.values.size()));
      if (value.storage == Storage::kConstant)
        refuse(ErrorCode::kInvalidArgument, owner(), ": a constant has open dims ", to_string(value.dims));
      return !error_;
    }
    const std::span<const std::int64_t> dims(draft_.i64s.data() + record.dims, record.rank);
    if (!dense_bytes(dims, rlx_dtype_bytes(record.dtype), record.byte_size))
      refuse(ErrorCode::kInvalidArgument, owner(), ": the size of ", to_string(value.dims), " exceeds 2^63 bytes");
    return !error_;
  }

  std::uint64_t constant_offset(const Value& value, std::uint64_t byte_size) {
    if (value.index >= module_.constants.size()) {
      refuse(ErrorCode::kInvalidArgument, owner(), ": constant ", value.index, " of ", module_.constants.size());
      return 0;
    }
    const auto& bytes = module_.constants[value.index];
    if (bytes.size() != byte_size || bytes.size() > kMaxConstantBytes)
      refuse(ErrorCode::kInvalidArgument, owner(), ": a constant of ", bytes.size(), " bytes, want ", byte_size,
             " and at most ", kMaxConstantBytes);
    std::uint32_t& offset = constant_offsets_[value.index];
    if (offset == RLX_NO_INDEX) {
      offset = static_cast<std::uint32_t>(draft_.constants.size());
      draft_.constants.insert(draft_.constants.end(), bytes.begin(), bytes.end());
      for (const OpenConstant& open : module_.open_constants)
        if (open.constant == value.index) open_constant(open, bytes.size(), offset);
      draft_.constants.resize((draft_.constants.size() + 7) / 8 * 8);
    }
    return offset;
  }

  void open_constant(const OpenConstant& open, std::size_t bytes, std::uint32_t offset) {
    if (bytes != sizeof(std::int64_t))
      refuse(ErrorCode::kInvalidArgument, owner(), ": an open constant of ", bytes, " bytes, want 8");
    const std::int64_t size = number(open.size, Fixup::Field::kConstant, offset / 8, false);
    if (!error_) std::memcpy(draft_.constants.data() + offset, &size, sizeof size);
  }

  void add(const Op& op) {
    own("op", draft_.ops.size(), op.name);
    rlx_lir_op record{};
    record.ns = name(op.ns);
    record.opcode = op.opcode;
    record.version = op.version;
    record.operands = indices(op.operands);
    record.operand_count = static_cast<std::uint32_t>(op.operands.size());
    record.results = indices(op.results);
    record.result_count = static_cast<std::uint32_t>(op.results.size());
    record.attrs = op.attributes.empty() ? 0 : static_cast<std::uint32_t>(draft_.attrs.size());
    record.attr_count = static_cast<std::uint32_t>(op.attributes.size());
    record.regions = indices(op.regions);
    record.region_count = static_cast<std::uint32_t>(op.regions.size());
    for (const auto& [key, attribute] : op.attributes) add(key, attribute);
    draft_.ops.push_back(record);
  }

  void add(std::uint32_t key, const AttrValue& attribute) {
    rlx_lir_attr record{};
    record.key = key;
    if (const Dim* dim = std::get_if<Dim>(&attribute)) {
      record.type = RLX_LIR_ATTR_I64;
      record.value =
          static_cast<std::uint64_t>(number(*dim, Fixup::Field::kAttribute, draft_.attrs.size(), false));
    } else if (const double* real = std::get_if<double>(&attribute)) {
      record.type = RLX_LIR_ATTR_F64;
      record.value = std::bit_cast<std::uint64_t>(*real);
    } else if (const DType* dtype = std::get_if<DType>(&attribute)) {
      record.type = RLX_LIR_ATTR_DTYPE;
      record.value = static_cast<std::uint64_t>(*dtype);
    } else if (const Dims* dims = std::get_if<Dims>(&attribute)) {
      record.type = RLX_LIR_ATTR_I64_LIST;
      record.value = numbers(*dims, false);
      record.count = static_cast<std::uint32_t>(dims->size());
    } else if (const auto* reals = std::get_if<std::vector<double>>(&attribute)) {
      record.type = RLX_LIR_ATTR_F64_LIST;
      record.value = reals->empty() ? 0 : draft_.i64s.size();
      record.count = static_cast<std::uint32_t>(reals->size());
      for (const double each : *reals) draft_.i64s.push_back(std::bit_cast<std::int64_t>(each));
    } else {
      const auto& text = std::get<std::string>(attribute);
      record.type = RLX_LIR_ATTR_STRING;
      record.value = text.empty() ? 0 : name(text).offset;
      record.count = static_cast<std::uint32_t>(text.size());
    }
    draft_.attrs.push_back(record);
  }

  void add(const Region& region) {
    if (region.op_count && region.first_op != next_op_)
      refuse(ErrorCode::kInvalidArgument, "region ", draft_.regions.size(), " begins at op ", region.first_op,
             ", want ", next_op_, ": ops are stored region by region");
    draft_.regions.push_back({static_cast<std::uint32_t>(next_op_), region.op_count, indices(region.params),
                              static_cast<std::uint32_t>(region.params.size()), indices(region.results),
                              static_cast<std::uint32_t>(region.results.size())});
    next_op_ += region.op_count;
  }

  void add(const ParamRef& param) {
    own("param", draft_.params.size(), param.name);
    if (param.dims.size() > RLX_MAX_RANK)
      return refuse(ErrorCode::kInvalidArgument, owner(), ": rank ", param.dims.size(), ", want at most ", RLX_MAX_RANK);
    const rlx_lir_string text = name(param.name);
    draft_.params.push_back({text, param.set_index, static_cast<std::uint32_t>(param.dtype),
                             static_cast<std::uint32_t>(param.dims.size()), numbers(param.dims, true),
                             param.owned ? RLX_LIR_PARAM_OWNED : 0, param.value});
  }

  void add_plan() {
    if (!module_.plan) return;
    if (module_.plan->arenas.empty() || module_.plan->places.size() != module_.values.size())
      refuse(ErrorCode::kInvalidArgument, "a plan of ", module_.plan->arenas.size(), " arenas and ",
             module_.plan->places.size(), " places, want an arena at least and ", module_.values.size(), " places");
    for (const Arena& arena : module_.plan->arenas) {
      draft_.arenas.push_back({arena.bytes, arena.alignment, arena.space});
      if (arena.bytes > kMaxBytes) refuse(ErrorCode::kInvalidArgument, "an arena needs more than 2^63 bytes");
    }
    for (const Place& place : module_.plan->places) draft_.places.push_back({place.arena, 0, place.offset});
  }

  void add_debug() {
    bool named = false;
    for (const Op& op : module_.ops) named = named || !op.name.empty();
    if (!named) return;
    for (const Op& op : module_.ops) draft_.debug.push_back(debug_name(op.name));
  }

  void check_totals() {
    if (next_op_ != module_.ops.size())
      refuse(ErrorCode::kInvalidArgument, "regions hold ", next_op_, " ops of ", module_.ops.size());
    for (const std::size_t count : {draft_.strings.size(), draft_.u32s.size(), draft_.i64s.size(), draft_.attrs.size()})
      if (count >= RLX_NO_INDEX) refuse(ErrorCode::kInvalidArgument, "an image cannot hold ", count, " entries of a pool");
    const std::uint64_t least = draft_.strings.size() + draft_.ops.size() * sizeof(rlx_lir_op);
    if (string_uses_ > kMaxStringExpansion * least)
      refuse(ErrorCode::kInvalidArgument, "names repeat to ", string_uses_, " bytes, want at most ",
             kMaxStringExpansion, " times the image");
  }

  const Module& module_;
  const bool allow_open_;
  Draft draft_;
  std::optional<Error> error_;
  std::map<std::string, std::uint32_t> strings_;
  std::map<std::string, std::uint32_t> debug_strings_;
  std::vector<std::uint32_t> constant_offsets_;
  std::uint64_t string_uses_ = 0;
  std::uint64_t next_op_ = 0;
  const char* owner_kind_ = "";
  std::size_t owner_index_ = 0;
  const std::string* owner_name_ = nullptr;
};

}  // namespace

Result<Draft> draft_module(const Module& module, bool allow_open) { return Drafter(module, allow_open).run(); }

}  // namespace rlx::lir
