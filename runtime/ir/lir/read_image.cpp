// SPDX-License-Identifier: Apache-2.0
// Bytes -> module. Nothing is trusted: every range must lie where the canonical order puts it, which also keeps ranges
// from being shared, so that a small image cannot describe a large module.
#include <bit>
#include <cstring>
#include <map>

#include "runtime/ir/lir/draft.h"
#include "runtime/ir/lir/parse_image.h"
#include "runtime/ir/lir/sizes.h"

namespace rlx::lir {
namespace {

const char* const kSectionNames[RLX_LIR_SECTION_KINDS] = {
    "none",   "strings", "values", "ops",   "regions", "u32",    "i64",    "attrs", "constants",
    "params", "inputs",  "outputs", "state", "extents", "arenas", "places", "debug"};

template <class... Pieces>
Error bad(const Pieces&... pieces) {
  return fail(ErrorCode::kInvalidImage, pieces...);
}

class Parser {
 public:
  explicit Parser(Bytes bytes) : bytes_(bytes) {}

  Result<Module> run() {
    RLX_TRY(open());
    RLX_TRY(each<rlx_lir_value>(RLX_LIR_VALUES, "value", &Parser::value));
    RLX_TRY(each<rlx_lir_op>(RLX_LIR_OPS, "op", &Parser::op));
    RLX_TRY(each<rlx_lir_region>(RLX_LIR_REGIONS, "region", &Parser::region));
    RLX_TRY(each<rlx_lir_param>(RLX_LIR_PARAMS, "param", &Parser::param));
    RLX_TRY(each<rlx_lir_io>(RLX_LIR_INPUTS, "input", &Parser::input));
    RLX_TRY(each<rlx_lir_io>(RLX_LIR_OUTPUTS, "output", &Parser::output));
    RLX_TRY(each<rlx_lir_state>(RLX_LIR_STATE, "state pair", &Parser::state));
    RLX_TRY(each<rlx_lir_extent>(RLX_LIR_EXTENTS, "extent", &Parser::extent));
    RLX_TRY(plan());
    RLX_TRY(debug());
    RLX_TRY(ends());
    module_.template_hash = {image_.header->template_hash.low, image_.header->template_hash.high};
    return std::move(module_);
  }

 private:
  // ---- sections ----
  Status open() {
    std::uint64_t detail = 0;
    const std::int32_t status = rlx_lir_open(&image_, bytes_.data(), bytes_.size(), &detail);
    if (status == RLX_STATUS_VERSION)
      return fail(ErrorCode::kImageVersion, "the image has version ", detail, ", want ", RLX_LIR_VERSION);
    if (status == RLX_STATUS_UNSUPPORTED) return bad("a required section has the unknown kind ", detail);
    if (status != RLX_STATUS_OK) return bad("the header or directory is damaged at byte ", detail);
    std::uint32_t known = 0;
    for (std::uint32_t kind = 0; kind < RLX_LIR_SECTION_KINDS; ++kind) {
      const rlx_lir_section& section = image_.sections[kind];
      known += section.kind != 0;
      if (section.kind && section.stride != rlx_lir_record_bytes(kind))
        return bad("section ", kSectionNames[kind], " has records of ", section.stride, " bytes, want ",
                   rlx_lir_record_bytes(kind));
    }
    if (known != image_.header->section_count) return bad("a section has a kind that this version does not know");
    string_uses_max_ = kMaxStringExpansion * (count(RLX_LIR_STRINGS) + count(RLX_LIR_OPS) * sizeof(rlx_lir_op));
    return {};
  }

  std::uint64_t count(std::uint32_t kind) const { return rlx_lir_count(&image_, kind); }

  template <class Record>
  Status each(std::uint32_t kind, const char* what, Status (Parser::*add)(const Record&)) {
    for (std::uint64_t i = 0; i < count(kind); ++i)
      if (Status status = (this->*add)(*static_cast<const Record*>(rlx_lir_at(&image_, kind, i))); !status)
        return std::move(status).error().within(join(what, " ", i));
    return {};
  }

  /// The next `size` entries of a pool, which must begin at `first`; empty ranges begin at 0.
  Result<const void*> take(std::uint32_t kind, std::uint64_t& cursor, std::uint64_t first, std::uint64_t size) {
    const std::uint64_t want = size ? cursor : 0;
    const void* range = rlx_lir_range(&image_, kind, first, size);
    if (first != want || !range)
      return bad("a range of ", size, " entries of ", kSectionNames[kind], " begins at ", first, " of ", count(kind),
                 ", want ", want);
    cursor += size;
    return range;
  }

  Status dims(std::uint32_t first, std::uint32_t rank, Dims& out) {
    if (rank > RLX_MAX_RANK) return bad("rank ", rank, ", want at most ", RLX_MAX_RANK);
    return numbers(first, rank, out);
  }

  Status numbers(std::uint64_t first, std::uint32_t size, Dims& out) {
    RLX_ASSIGN(const void* range, take(RLX_LIR_I64, next_i64_, first, size));
    const auto* entries = static_cast<const std::int64_t*>(range);
    out.assign(entries, entries + size);
    return {};
  }

  Status indices(std::uint32_t first, std::uint32_t size, std::vector<std::uint32_t>& out) {
    RLX_ASSIGN(const void* range, take(RLX_LIR_U32, next_u32_, first, size));
    const auto* entries = static_cast<const std::uint32_t*>(range);
    out.assign(entries, entries + size);
    return {};
  }

  Status text(std::uint64_t offset, std::uint32_t size, std::string& out) {
    const void* range = rlx_lir_range(&image_, RLX_LIR_STRINGS, offset, size);
    if (!range || offset > next_string_ || (offset < next_string_ && offset + size > next_string_))
      return bad("a string of ", size, " bytes at ", offset, ", want one before or at ", next_string_);
    RLX_TRY(count_use(size));
    if (offset == next_string_) next_string_ += size;
    out.assign(static_cast<const char*>(range), size);
    return {};
  }

  Status count_use(std::uint64_t size) {
    string_uses_ += size;
    if (string_uses_ > string_uses_max_)
      return bad("names repeat to more than ", kMaxStringExpansion, " times the image");
    return {};
  }

  Status name(const rlx_lir_string& string, std::string& out) {
    if (string.offset == RLX_NO_INDEX && string.bytes == 0) return {};
    if (string.bytes == 0) return bad("an empty name at ", string.offset, ", want none");
    return text(string.offset, string.bytes, out);
  }

  // ---- records ----
  Status value(const rlx_lir_value& record) {
    Value value;
    value.dtype = static_cast<DType>(record.dtype);
    if (record.storage > RLX_LIR_STORAGE_REGION) return bad("storage ", record.storage, " is unknown");
    value.storage = static_cast<Storage>(record.storage);
    const std::uint32_t element = rlx_dtype_bytes(record.dtype);
    const bool stands_for_absent =
        record.dtype == RLX_DTYPE_NONE && record.storage == RLX_LIR_STORAGE_REGION && record.rank == 0;
    if (!element && !stands_for_absent) return bad("dtype ", record.dtype, " has no elements");
    RLX_TRY(dims(record.dims, record.rank, value.dims));
    if ((record.strides != RLX_NO_INDEX) != (value.storage == Storage::kView))
      return bad("strides belong to views, and views have them");
    if (value.storage == Storage::kView) RLX_TRY(dims(record.strides, record.rank, value.strides.emplace()));
    std::uint64_t want = 0;
    std::int64_t sizes[RLX_MAX_RANK] = {};
    for (std::uint32_t axis = 0; axis < record.rank; ++axis) sizes[axis] = value.dims[axis].number();
    if (!dense_bytes({sizes, record.rank}, element, want))
      return bad("dims ", to_string(value.dims), " are no sizes, or exceed 2^63 bytes");
    if (record.byte_size != want) return bad("byte_size ", record.byte_size, ", want ", want);
    if (record.byte_offset > kMaxBytes) return bad("byte_offset ", record.byte_offset);
    value.index = record.index;
    if (value.storage == Storage::kConstant) {
      RLX_TRY(constant(record, value.index));
    } else {
      value.byte_offset = static_cast<std::int64_t>(record.byte_offset);
    }
    module_.values.push_back(std::move(value));
    return {};
  }

  Status constant(const rlx_lir_value& record, std::uint32_t& index) {
    if (record.byte_size > kMaxConstantBytes)
      return bad("a constant of ", record.byte_size, " bytes, want at most ", kMaxConstantBytes);
    const auto [known, is_new] = constants_.try_emplace({record.byte_offset, record.byte_size},
                                                        static_cast<std::uint32_t>(module_.constants.size()));
    index = known->second;
    if (!is_new) return {};
    const auto* range = static_cast<const std::byte*>(
        rlx_lir_range(&image_, RLX_LIR_CONSTANTS, record.byte_offset, record.byte_size));
    if (record.byte_offset != next_constant_ || !range)
      return bad("a constant of ", record.byte_size, " bytes at ", record.byte_offset, ", want ", next_constant_);
    module_.constants.emplace_back(range, range + record.byte_size);
    next_constant_ += (record.byte_size + 7) / 8 * 8;
    return {};
  }

  Status op(const rlx_lir_op& record) {
    Op& op = module_.ops.emplace_back();
    RLX_TRY(name(record.ns, op.ns));
    op.opcode = record.opcode;
    op.version = record.version;
    RLX_TRY(indices(record.operands, record.operand_count, op.operands));
    RLX_TRY(indices(record.results, record.result_count, op.results));
    RLX_TRY(indices(record.regions, record.region_count, op.regions));
    RLX_ASSIGN(const void* attrs, take(RLX_LIR_ATTRS, next_attr_, record.attrs, record.attr_count));
    const auto* attr = static_cast<const rlx_lir_attr*>(attrs);
    for (std::uint32_t i = 0; i < record.attr_count; ++i) {
      if (i && attr[i].key <= attr[i - 1].key) return bad("attribute ", attr[i].key, " after ", attr[i - 1].key);
      if (Status status = attribute(attr[i], op.attributes[attr[i].key]); !status)
        return std::move(status).error().within(join("attribute ", attr[i].key));
    }
    return {};
  }

  Status attribute(const rlx_lir_attr& record, AttrValue& out) {
    switch (record.type) {
      case RLX_LIR_ATTR_I64: out = Dim(static_cast<std::int64_t>(record.value)); return {};
      case RLX_LIR_ATTR_F64: out = std::bit_cast<double>(record.value); return {};
      case RLX_LIR_ATTR_DTYPE:
        if (record.value > RLX_DTYPE_C64) return bad("dtype ", record.value, " is unknown");
        out = static_cast<DType>(record.value);
        return {};
      case RLX_LIR_ATTR_I64_LIST: return numbers(record.value, record.count, out.emplace<Dims>());
      case RLX_LIR_ATTR_F64_LIST: {
        RLX_ASSIGN(const void* range, take(RLX_LIR_I64, next_i64_, record.value, record.count));
        auto& reals = out.emplace<std::vector<double>>(record.count);
        if (record.count) std::memcpy(reals.data(), range, record.count * sizeof(double));
        return {};
      }
      case RLX_LIR_ATTR_STRING:
        out.emplace<std::string>();
        return record.count ? text(record.value, record.count, std::get<std::string>(out)) : Status();
      default: return bad("type ", record.type, " is unknown");
    }
  }

  Status region(const rlx_lir_region& record) {
    if (record.ops != next_op_ || record.op_count > count(RLX_LIR_OPS) - next_op_)
      return bad("ops ", record.ops, " and ", record.op_count, " more of ", count(RLX_LIR_OPS), ", want from ", next_op_);
    next_op_ += record.op_count;
    Region& region = module_.regions.emplace_back();
    region.first_op = record.ops;
    region.op_count = record.op_count;
    RLX_TRY(indices(record.params, record.param_count, region.params));
    return indices(record.results, record.result_count, region.results);
  }

  Status param(const rlx_lir_param& record) {
    ParamRef& param = module_.params.emplace_back();
    RLX_TRY(name(record.name, param.name));
    param.set_index = record.set_index;
    param.dtype = static_cast<DType>(record.dtype);
    param.owned = record.flags & RLX_LIR_PARAM_OWNED;
    param.value = record.value;
    return dims(record.dims, record.rank, param.dims);
  }

  Status input(const rlx_lir_io& record) {
    Io& io = module_.inputs.emplace_back();
    io.value = record.value;
    return name(record.name, io.name);
  }

  Status output(const rlx_lir_io& record) {
    Io& io = module_.outputs.emplace_back();
    io.value = record.value;
    return name(record.name, io.name);
  }

  Status state(const rlx_lir_state& record) {
    module_.states.push_back({record.input, record.output});
    return {};
  }

  Status extent(const rlx_lir_extent& record) {
    module_.extents.push_back({record.value, record.axis, record.size_value});
    return {};
  }

  Status arena(const rlx_lir_arena& record) {
    module_.plan->arenas.push_back({record.bytes, record.alignment, record.space});
    return {};
  }

  Status place(const rlx_lir_place& record) {
    module_.plan->places.push_back({record.arena, record.offset});
    return {};
  }

  Status plan() {
    if (!count(RLX_LIR_ARENAS)) return count(RLX_LIR_PLACES) ? Status(bad("places without an arena")) : Status();
    module_.plan.emplace();
    RLX_TRY(each<rlx_lir_arena>(RLX_LIR_ARENAS, "arena", &Parser::arena));
    return each<rlx_lir_place>(RLX_LIR_PLACES, "place", &Parser::place);
  }

  Status debug() {
    if (!count(RLX_LIR_DEBUG)) return {};
    if (count(RLX_LIR_DEBUG) != count(RLX_LIR_OPS))
      return bad(count(RLX_LIR_DEBUG), " names of origin for ", count(RLX_LIR_OPS), " ops");
    const std::uint64_t graph_strings = next_string_;
    for (std::uint32_t i = 0; i < count(RLX_LIR_DEBUG); ++i) {
      const std::uint32_t offset = *static_cast<const std::uint32_t*>(rlx_lir_at(&image_, RLX_LIR_DEBUG, i));
      if (offset == RLX_NO_INDEX) continue;
      const char* text = rlx_lir_op_name(&image_, i);
      if (!text || offset < graph_strings || offset > next_string_) return bad("op ", i, ": a name of origin at ", offset);
      module_.ops[i].name = text;
      RLX_TRY(count_use(module_.ops[i].name.size()));
      if (offset == next_string_) next_string_ += module_.ops[i].name.size() + 1;
    }
    return {};
  }

  /// Pools end where the last user of them ends.
  Status ends() const {
    const std::pair<std::uint32_t, std::uint64_t> used[] = {
        {RLX_LIR_STRINGS, next_string_}, {RLX_LIR_U32, next_u32_},          {RLX_LIR_I64, next_i64_},
        {RLX_LIR_ATTRS, next_attr_},     {RLX_LIR_CONSTANTS, next_constant_}, {RLX_LIR_OPS, next_op_}};
    for (const auto& [kind, end] : used)
      if (end != count(kind)) return bad("section ", kSectionNames[kind], " has ", count(kind), " entries, used are ", end);
    return {};
  }

  Bytes bytes_;
  rlx_lir_image image_{};
  Module module_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::uint32_t> constants_;
  std::uint64_t next_i64_ = 0, next_u32_ = 0, next_attr_ = 0, next_string_ = 0, next_constant_ = 0, next_op_ = 0;
  std::uint64_t string_uses_ = 0, string_uses_max_ = 0;
};

}  // namespace

Result<Module> parse_image(Bytes bytes) { return Parser(bytes).run(); }

}  // namespace rlx::lir
