// SPDX-License-Identifier: Apache-2.0
// Checks of an image that keep a plugin inside of it. What ops mean is checked where each is compiled.
#include "compile_graph.h"

#include <cstring>

#include "entry_guard.h"

namespace rlx_cpu {
namespace {

/// Product of dims and element bytes; false where it overflows or a dim is negative.
bool dense_bytes(const View& view, uint64_t* bytes) {
  *bytes = rlx_dtype_bytes(view.dtype) == 0 ? 1 : rlx_dtype_bytes(view.dtype);
  bool empty = false;
  for (uint32_t i = 0; i < view.rank; ++i) {
    if (view.dims[i] < 0) return false;
    if (view.dims[i] == 0)
      empty = true;
    else if (__builtin_mul_overflow(*bytes, static_cast<uint64_t>(view.dims[i]), bytes))
      return false;
  }
  if (empty) *bytes = 0;
  return *bytes <= uint64_t(INT64_MAX);
}

}  // namespace

void byte_span(const View& view, int64_t* low, int64_t* high) {
  *low = *high = 0;
  const int64_t bytes = rlx_dtype_bytes(view.dtype);
  for (uint32_t i = 0; i < view.rank; ++i) {
    if (view.dims[i] == 0) return void(*low = *high = 0);
    const int64_t reach = (view.dims[i] - 1) * view.strides[i] * bytes;
    (reach < 0 ? *low : *high) += reach;
  }
  *high += bytes;
}

bool is_dense(const View& view) {
  int64_t stride = 1;
  for (uint32_t i = view.rank; i-- > 0;) {
    if (view.dims[i] == 0) return true;
    if (view.dims[i] != 1 && view.strides[i] != stride) return false;
    stride *= view.dims[i];
  }
  return true;
}

int32_t ImageGraph::invalid(rlx_error* error, const char* what, uint64_t index, const char* why) const {
  return fail(error, RLX_STATUS_INVALID_IMAGE, RLX_NO_INDEX, index, "image: %s %llu %s", what,
              static_cast<unsigned long long>(index), why);
}

int32_t ImageGraph::open(const void* data, uint64_t bytes, rlx_error* error) {
  uint64_t detail = 0;
  const int32_t status = rlx_lir_open(&image_, data, bytes, &detail);
  if (status == RLX_STATUS_UNSUPPORTED) {
    return fail(error, status, RLX_NO_INDEX, detail, "image: required section of kind %llu is unknown",
                static_cast<unsigned long long>(detail));
  }
  if (status == RLX_STATUS_VERSION) {
    return fail(error, status, RLX_NO_INDEX, detail, "image: LIR version %llu, wanted %u",
                static_cast<unsigned long long>(detail), RLX_LIR_VERSION);
  }
  if (status != RLX_STATUS_OK) {
    return fail(error, status, RLX_NO_INDEX, detail, "image: header or section directory is wrong at %llu",
                static_cast<unsigned long long>(detail));
  }
  if (int32_t bad = read_values(error)) return bad;
  if (int32_t bad = read_ops(error)) return bad;
  if (int32_t bad = check_regions(error)) return bad;
  if (int32_t bad = check_tables(error)) return bad;
  return check_plan(error);
}

int32_t ImageGraph::read_values(rlx_error* error) {
  values_.resize(rlx_lir_count(&image_, RLX_LIR_VALUES));
  for (uint32_t id = 0; id < values_.size(); ++id) {
    if (int32_t bad = read_value(id, error)) return bad;
  }
  for (uint32_t id = 0; id < values_.size(); ++id) {
    if (values_[id].storage != RLX_LIR_STORAGE_VIEW) continue;
    if (int32_t bad = check_view(id, error)) return bad;
  }
  return RLX_STATUS_OK;
}

int32_t ImageGraph::read_value(uint32_t id, rlx_error* error) {
  const rlx_lir_value& record = *rlx_lir_value_at(&image_, id);
  const int64_t* dims = rlx_lir_dims(&image_, &record);
  if (dims == nullptr) return invalid(error, "value", id, "has dims outside the image or a rank above 8");
  GraphValue& value = values_[id];
  value.view.dtype = record.dtype;
  value.view.rank = record.rank;
  std::memcpy(value.view.dims, dims, record.rank * sizeof(int64_t));
  value.known = rlx_dtype_bytes(record.dtype) != 0;
  value.storage = record.storage;
  value.index = record.index;
  value.byte_offset = record.byte_offset;
  value.byte_size = record.byte_size;
  uint64_t bytes = 0;
  if (!dense_bytes(value.view, &bytes))
    return invalid(error, "value", id, "has a negative or overflowing size");
  if (value.known && bytes != record.byte_size)
    return invalid(error, "value", id, "has a byte size that its dims do not give");
  int64_t stride = 1;
  for (uint32_t i = record.rank; i-- > 0;) {
    value.view.strides[i] = stride;
    stride *= dims[i] == 0 ? 1 : dims[i];
  }
  if (record.strides != RLX_NO_INDEX) {
    const int64_t* strides = rlx_lir_strides(&image_, &record);
    if (strides == nullptr) return invalid(error, "value", id, "has strides outside the image");
    std::memcpy(value.view.strides, strides, record.rank * sizeof(int64_t));
    if (record.storage != RLX_LIR_STORAGE_VIEW && !is_dense(value.view))
      return invalid(error, "value", id, "has strides but is no view");
  }
  uint32_t limit = RLX_NO_INDEX;
  switch (record.storage) {
    case RLX_LIR_STORAGE_INPUT:
      limit = count(RLX_LIR_INPUTS);
      break;
    case RLX_LIR_STORAGE_OUTPUT:
      limit = count(RLX_LIR_OUTPUTS);
      break;
    case RLX_LIR_STORAGE_PARAM:
      limit = count(RLX_LIR_PARAMS);
      break;
    case RLX_LIR_STORAGE_VIEW:
      limit = value_count();
      break;
    case RLX_LIR_STORAGE_CONSTANT: {
      const uint64_t size = rlx_lir_count(&image_, RLX_LIR_CONSTANTS);
      if (record.byte_offset > size || bytes > size - record.byte_offset || record.byte_offset % 8 != 0) {
        return invalid(error, "value", id, "is a constant outside its section");
      }
      break;
    }
    case RLX_LIR_STORAGE_TEMP:
    case RLX_LIR_STORAGE_REGION:
      break;
    default:
      return invalid(error, "value", id, "has an unknown storage");
  }
  if (limit != RLX_NO_INDEX && record.index >= limit)
    return invalid(error, "value", id, "has an index outside its table");
  return RLX_STATUS_OK;
}

int32_t ImageGraph::check_view(uint32_t id, rlx_error* error) const {
  const GraphValue& value = values_[id];
  const GraphValue& root = values_[value.index];
  if (root.storage == RLX_LIR_STORAGE_VIEW) return invalid(error, "view", id, "has a root that is a view");
  if (!value.known || !root.known || value.byte_size == 0) return RLX_STATUS_OK;
  const int64_t bytes = rlx_dtype_bytes(value.view.dtype);
  int64_t low = 0, high = 0;
  for (uint32_t i = 0; i < value.view.rank; ++i) {
    int64_t reach = 0;
    if (__builtin_mul_overflow(value.view.dims[i] - 1, value.view.strides[i], &reach) ||
        __builtin_mul_overflow(reach, bytes, &reach) ||
        __builtin_add_overflow(reach < 0 ? low : high, reach, reach < 0 ? &low : &high)) {
      return invalid(error, "view", id, "has overflowing strides");
    }
  }
  const uint64_t below = static_cast<uint64_t>(-low),
                 above = static_cast<uint64_t>(high) + static_cast<uint64_t>(bytes);
  if (value.byte_offset > root.byte_size || below > value.byte_offset ||
      above > root.byte_size - value.byte_offset) {
    return invalid(error, "view", id, "reaches outside its root");
  }
  if (value.byte_offset % static_cast<uint64_t>(bytes) != 0)
    return invalid(error, "view", id, "begins inside an element");
  return RLX_STATUS_OK;
}

int32_t ImageGraph::read_ops(rlx_error* error) {
  ops_.resize(rlx_lir_count(&image_, RLX_LIR_OPS));
  for (uint32_t index = 0; index < ops_.size(); ++index) {
    GraphOp& op = ops_[index];
    op.index = index;
    op.record = rlx_lir_op_at(&image_, index);
    op.operands = rlx_lir_operands(&image_, op.record);
    op.results = rlx_lir_results(&image_, op.record);
    op.regions = static_cast<const uint32_t*>(
        rlx_lir_range(&image_, RLX_LIR_U32, op.record->regions, op.record->region_count));
    if (!op.operands || !op.results || !op.regions)
      return invalid(error, "op", index, "has a list outside the pool");
    if (op.record->attr_count != 0 &&
        rlx_lir_at(&image_, RLX_LIR_ATTRS, uint64_t(op.record->attrs) + op.record->attr_count - 1) ==
            nullptr) {
      return invalid(error, "op", index, "has attributes outside the image");
    }
    for (uint32_t i = 0; i < op.record->operand_count; ++i) {
      if (op.operands[i] != RLX_NO_INDEX && op.operands[i] >= values_.size())
        return invalid(error, "op", index, "has an unknown operand");
    }
    for (uint32_t i = 0; i < op.record->result_count; ++i) {
      if (op.results[i] >= values_.size()) return invalid(error, "op", index, "has an unknown result");
    }
    for (uint32_t i = 0; i < op.record->region_count; ++i) {
      if (op.regions[i] >= count(RLX_LIR_REGIONS))
        return invalid(error, "op", index, "has an unknown region");
      // Regions follow the op that carries them: without this, following them might never end.
      if (region(op.regions[i]).op_count != 0 && region(op.regions[i]).ops <= index)
        return invalid(error, "op", index, "carries a region before itself");
    }
  }
  return RLX_STATUS_OK;
}

const uint32_t* ImageGraph::region_params(uint32_t index) const {
  return static_cast<const uint32_t*>(
      rlx_lir_range(&image_, RLX_LIR_U32, region(index).params, region(index).param_count));
}
const uint32_t* ImageGraph::region_results(uint32_t index) const {
  return static_cast<const uint32_t*>(
      rlx_lir_range(&image_, RLX_LIR_U32, region(index).results, region(index).result_count));
}

int32_t ImageGraph::check_regions(rlx_error* error) const {
  if (count(RLX_LIR_REGIONS) == 0) return invalid(error, "region", 0, "is missing");
  for (uint32_t index = 0; index < count(RLX_LIR_REGIONS); ++index) {
    const rlx_lir_region& record = region(index);
    if (record.ops > ops_.size() || record.op_count > ops_.size() - record.ops)
      return invalid(error, "region", index, "has ops outside the image");
    const uint32_t* params = region_params(index);
    const uint32_t* results = region_results(index);
    if (!params || !results) return invalid(error, "region", index, "has a list outside the pool");
    for (uint32_t i = 0; i < record.param_count; ++i) {
      if (params[i] != RLX_NO_INDEX && params[i] >= values_.size())
        return invalid(error, "region", index, "has an unknown param");
    }
    for (uint32_t i = 0; i < record.result_count; ++i) {
      if (results[i] >= values_.size()) return invalid(error, "region", index, "has an unknown result");
    }
  }
  return RLX_STATUS_OK;
}

int32_t ImageGraph::check_tables(rlx_error* error) const {
  for (uint32_t i = 0; i < count(RLX_LIR_INPUTS); ++i) {
    const uint32_t id = input(i).value;
    if (id >= values_.size() || values_[id].storage != RLX_LIR_STORAGE_INPUT || values_[id].index != i)
      return invalid(error, "input", i, "names a value that is no such input");
  }
  for (uint32_t i = 0; i < count(RLX_LIR_OUTPUTS); ++i) {
    const uint32_t id = output(i).value;
    if (id >= values_.size() || values_[id].storage == RLX_LIR_STORAGE_REGION)
      return invalid(error, "output", i, "names no value of the main graph");
  }
  for (uint32_t id = 0; id < values_.size(); ++id) {
    const GraphValue& value = values_[id];
    if (value.storage != RLX_LIR_STORAGE_OUTPUT) continue;
    if (values_[output(value.index).value].byte_size != value.byte_size)
      return invalid(error, "value", id, "lies in an output of another size");
  }
  for (uint32_t i = 0; i < count(RLX_LIR_PARAMS); ++i) {
    const rlx_lir_param& record = param(i);
    if (record.value >= values_.size() || values_[record.value].storage != RLX_LIR_STORAGE_PARAM)
      return invalid(error, "param", i, "names a value that is no param");
    const int64_t* dims =
        record.rank <= RLX_MAX_RANK
            ? static_cast<const int64_t*>(rlx_lir_range(&image_, RLX_LIR_I64, record.dims, record.rank))
            : nullptr;
    if (dims == nullptr) return invalid(error, "param", i, "has dims outside the image");
  }
  for (uint32_t id = 0; id < values_.size(); ++id) {
    const GraphValue& value = values_[id];
    if (value.storage != RLX_LIR_STORAGE_PARAM) continue;
    const rlx_lir_param& record = param(value.index);
    const int64_t* dims =
        static_cast<const int64_t*>(rlx_lir_range(&image_, RLX_LIR_I64, record.dims, record.rank));
    if (record.rank != value.view.rank || record.dtype != value.view.dtype ||
        std::memcmp(dims, value.view.dims, record.rank * sizeof(int64_t)) != 0) {
      return invalid(error, "param", value.index, "differs from its value in dtype or dims");
    }
  }
  for (uint32_t i = 0; i < count(RLX_LIR_STATE); ++i) {
    const rlx_lir_state& pair = state(i);
    if (pair.input >= count(RLX_LIR_INPUTS) || pair.output >= count(RLX_LIR_OUTPUTS))
      return invalid(error, "state", i, "names no input or output");
    if (values_[input(pair.input).value].byte_size != values_[output(pair.output).value].byte_size)
      return invalid(error, "state", i, "pairs tensors of unlike sizes");
  }
  return RLX_STATUS_OK;
}

int32_t ImageGraph::check_plan(rlx_error* error) const {
  if (!planned()) return RLX_STATUS_OK;
  if (count(RLX_LIR_PLACES) != values_.size())
    return invalid(error, "plan", count(RLX_LIR_PLACES), "places, not one per value");
  for (uint32_t i = 0; i < count(RLX_LIR_ARENAS); ++i) {
    const uint32_t alignment = arena(i).alignment;
    if (alignment == 0 || (alignment & (alignment - 1)) != 0)
      return invalid(error, "arena", i, "has an alignment that is no power of two");
    if (arena(i).space != 0) return invalid(error, "arena", i, "is in an unknown space");
  }
  for (uint32_t id = 0; id < values_.size(); ++id) {
    const rlx_lir_place& at = place(id);
    if (at.arena == RLX_NO_INDEX) continue;
    if (at.arena >= count(RLX_LIR_ARENAS))
      return invalid(error, "value", id, "has a place in an unknown arena");
    const uint64_t size = arena(at.arena).bytes;
    if (at.offset > size || values_[id].byte_size > size - at.offset)
      return invalid(error, "value", id, "has a place outside its arena");
    const uint32_t bytes = rlx_dtype_bytes(values_[id].view.dtype);
    if (bytes != 0 && (at.offset % bytes != 0 || arena(at.arena).alignment < bytes))
      return invalid(error, "value", id, "has a misaligned place");
  }
  return RLX_STATUS_OK;
}

std::string ImageGraph::text(rlx_lir_string string) const {
  const rlx_str text = rlx_lir_text(&image_, string);
  return text.data == nullptr ? std::string() : std::string(text.data, text.size);
}

std::vector<int64_t> ImageGraph::list(const GraphOp& op, uint32_t key) const {
  uint32_t size = 0;
  const int64_t* entries = rlx_lir_attr_list(&image_, op.record, key, RLX_LIR_ATTR_I64_LIST, &size);
  return entries == nullptr ? std::vector<int64_t>() : std::vector<int64_t>(entries, entries + size);
}

std::vector<double> ImageGraph::doubles(const GraphOp& op, uint32_t key) const {
  uint32_t size = 0;
  const int64_t* entries = rlx_lir_attr_list(&image_, op.record, key, RLX_LIR_ATTR_F64_LIST, &size);
  std::vector<double> values(entries == nullptr ? 0 : size);
  if (!values.empty()) std::memcpy(values.data(), entries, size * sizeof(double));
  return values;
}

}  // namespace rlx_cpu
