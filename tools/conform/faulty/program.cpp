// SPDX-License-Identifier: Apache-2.0
#include "program.h"

#include <rlx/buffer.h>

namespace rlx_c0 {
namespace {

int32_t invalid(rlx_error* error, const char* what, uint64_t index, const char* why) {
  return fail(error, RLX_STATUS_INVALID_IMAGE, RLX_NO_INDEX, index, "image: %s %llu %s", what,
              static_cast<unsigned long long>(index), why);
}

/// Bytes of the dense form; false where they overflow.
bool dense_bytes(const View& view, uint64_t* bytes) {
  bool empty = false;
  *bytes = view.bytes ? static_cast<uint64_t>(view.bytes) : 1;
  for (uint32_t axis = 0; axis < view.rank; ++axis) {
    if (view.dims[axis] < 0) return false;
    if (view.dims[axis] == 0)
      empty = true;
    else if (__builtin_mul_overflow(*bytes, static_cast<uint64_t>(view.dims[axis]), bytes))
      return false;
  }
  const bool fits = *bytes <= static_cast<uint64_t>(INT64_MAX);
  if (empty) *bytes = 0;
  return fits;
}

int32_t check_index(const Program& program, uint32_t id, rlx_error* error) {
  const Value& value = program.values[id];
  uint32_t limit = RLX_NO_INDEX;
  if (value.storage == RLX_LIR_STORAGE_INPUT) limit = program.count(RLX_LIR_INPUTS);
  if (value.storage == RLX_LIR_STORAGE_OUTPUT) limit = program.count(RLX_LIR_OUTPUTS);
  if (value.storage == RLX_LIR_STORAGE_PARAM) limit = program.count(RLX_LIR_PARAMS);
  if (value.storage == RLX_LIR_STORAGE_VIEW) limit = program.value_count;
  if (value.storage > RLX_LIR_STORAGE_REGION) return invalid(error, "value", id, "has an unknown storage");
  if (limit != RLX_NO_INDEX && value.index >= limit)
    return invalid(error, "value", id, "has an index outside its table");
  if (value.storage == RLX_LIR_STORAGE_CONSTANT &&
      (value.offset % 8 || !rlx_lir_range(&program.image, RLX_LIR_CONSTANTS, value.offset, value.bytes)))
    return invalid(error, "value", id, "is a constant outside its section");
  return RLX_STATUS_OK;
}

int32_t read_value(Program* program, uint32_t id, rlx_error* error) {
  const rlx_lir_value& record = *rlx_lir_value_at(&program->image, id);
  const int64_t* dims = rlx_lir_dims(&program->image, &record);
  if (!dims) return invalid(error, "value", id, "has dims outside the image, or a rank above 8");
  Value& value = program->values[id];
  value = {{nullptr, record.dtype, record.rank, rlx_dtype_bytes(record.dtype), {}, {}},
           record.storage,
           record.index,
           record.byte_offset,
           record.byte_size};
  memcpy(value.view.dims, dims, record.rank * sizeof(int64_t));
  uint64_t bytes = 0;
  if (!dense_bytes(value.view, &bytes))
    return invalid(error, "value", id, "has a size that overflows or is negative");
  if (value.view.bytes && bytes != record.byte_size)
    return invalid(error, "value", id, "has a byte size that is not its dims'");
  set_dense(&value.view);
  if (record.strides != RLX_NO_INDEX) {
    const int64_t* strides = rlx_lir_strides(&program->image, &record);
    if (!strides) return invalid(error, "value", id, "has strides outside the image");
    memcpy(value.view.strides, strides, record.rank * sizeof(int64_t));
    if (record.storage != RLX_LIR_STORAGE_VIEW && !is_dense(value.view))
      return invalid(error, "value", id, "has strides and is no view");
  }
  return check_index(*program, id, error);
}

int32_t check_view(const Program& program, uint32_t id, rlx_error* error) {
  const Value& value = program.values[id];
  if (value.storage != RLX_LIR_STORAGE_VIEW) return RLX_STATUS_OK;
  const Value& root = program.values[value.index];
  if (root.storage == RLX_LIR_STORAGE_VIEW) return invalid(error, "view", id, "has a root that is a view");
  if (!value.view.bytes || !root.view.bytes || value.bytes == 0) return RLX_STATUS_OK;
  int64_t low = 0, high = value.view.bytes;
  for (uint32_t axis = 0; axis < value.view.rank; ++axis) {
    int64_t reach = 0;
    if (__builtin_mul_overflow(value.view.dims[axis] - 1, value.view.strides[axis], &reach) ||
        __builtin_mul_overflow(reach, value.view.bytes, &reach) ||
        __builtin_add_overflow(reach < 0 ? low : high, reach, reach < 0 ? &low : &high))
      return invalid(error, "view", id, "has strides that overflow");
  }
  const uint64_t below = 0 - static_cast<uint64_t>(low);
  if (value.offset > root.bytes || below > value.offset ||
      static_cast<uint64_t>(high) > root.bytes - value.offset)
    return invalid(error, "view", id, "reaches outside its root");
  if (value.offset % static_cast<uint64_t>(value.view.bytes))
    return invalid(error, "view", id, "begins inside an element");
  return RLX_STATUS_OK;
}

int32_t read_values(Program* program, rlx_error* error) {
  program->value_count = program->count(RLX_LIR_VALUES);
  program->values = make<Value>(program->value_count);
  if (!program->values)
    return fail(error, RLX_STATUS_OUT_OF_MEMORY, RLX_NO_INDEX, 0, "image: no memory for its values");
  for (uint32_t id = 0; id < program->value_count; ++id) C0_TRY(read_value(program, id, error));
  for (uint32_t id = 0; id < program->value_count; ++id) C0_TRY(check_view(*program, id, error));
  return RLX_STATUS_OK;
}

/// Entries of a list of values; `absent` ones may be allowed.
int32_t check_list(const Program& program, const uint32_t* list, uint32_t count, bool absent,
                   const char* what, uint32_t index, rlx_error* error) {
  if (!list) return invalid(error, what, index, "has a list outside the pool");
  for (uint32_t n = 0; n < count; ++n)
    if (list[n] >= program.value_count && !(absent && list[n] == RLX_NO_INDEX))
      return invalid(error, what, index, "names an unknown value");
  return RLX_STATUS_OK;
}

int32_t check_op(Program* program, uint32_t index, rlx_error* error) {
  const rlx_lir_op& op = program->op(index);
#if RLX_FAULT == 215  // trusts-ids
  RLX_REACHED();
#else
  C0_TRY(check_list(*program, program->operands(op), op.operand_count, true, "op", index, error));
  C0_TRY(check_list(*program, program->results(op), op.result_count, false, "op", index, error));
#endif
  if (op.attr_count && !rlx_lir_at(&program->image, RLX_LIR_ATTRS, uint64_t{op.attrs} + op.attr_count - 1))
    return invalid(error, "op", index, "has attributes outside the image");
  const uint32_t* regions = program->pool(op.regions, op.region_count);
  if (!regions) return invalid(error, "op", index, "has a list outside the pool");
  for (uint32_t n = 0; n < op.region_count; ++n) {
    if (regions[n] >= program->count(RLX_LIR_REGIONS))
      return invalid(error, "op", index, "has an unknown region");
    // Regions follow the op that carries them: without this, following them might never end.
    if (program->region(regions[n]).op_count && program->region(regions[n]).ops <= index)
      return invalid(error, "op", index, "carries a region that does not follow it");
  }
  if (op.operand_count > program->most_operands) program->most_operands = op.operand_count;
  if (op.result_count > program->most_results) program->most_results = op.result_count;
  return RLX_STATUS_OK;
}

int32_t check_region(const Program& program, uint32_t index, rlx_error* error) {
  const rlx_lir_region& region = program.region(index);
  const uint32_t ops = program.count(RLX_LIR_OPS);
  if (region.ops > ops || region.op_count > ops - region.ops)
    return invalid(error, "region", index, "has ops outside the image");
  C0_TRY(check_list(program, program.pool(region.params, region.param_count), region.param_count, true,
                    "region", index, error));
  return check_list(program, program.pool(region.results, region.result_count), region.result_count, false,
                    "region", index, error);
}

int32_t check_io(const Program& program, rlx_error* error) {
  for (uint32_t n = 0; n < program.count(RLX_LIR_INPUTS); ++n) {
    const uint32_t id = program.at<rlx_lir_io>(RLX_LIR_INPUTS, n).value;
    if (id >= program.value_count || program.values[id].storage != RLX_LIR_STORAGE_INPUT ||
        program.values[id].index != n)
      return invalid(error, "input", n, "names a value that is not it");
  }
  for (uint32_t n = 0; n < program.count(RLX_LIR_OUTPUTS); ++n) {
    const uint32_t id = program.at<rlx_lir_io>(RLX_LIR_OUTPUTS, n).value;
    if (id >= program.value_count || program.values[id].storage == RLX_LIR_STORAGE_REGION)
      return invalid(error, "output", n, "names no value of the main graph");
  }
  for (uint32_t id = 0; id < program.value_count; ++id) {
    const Value& value = program.values[id];
    if (value.storage == RLX_LIR_STORAGE_INPUT &&
        program.at<rlx_lir_io>(RLX_LIR_INPUTS, value.index).value != id)
      return invalid(error, "value", id, "is a second value of one input");
    if (value.storage == RLX_LIR_STORAGE_OUTPUT &&
        program.values[program.at<rlx_lir_io>(RLX_LIR_OUTPUTS, value.index).value].bytes != value.bytes)
      return invalid(error, "value", id, "lies in an output of another size");
  }
  for (uint32_t n = 0; n < program.count(RLX_LIR_STATE); ++n) {
    const rlx_lir_state& pair = program.at<rlx_lir_state>(RLX_LIR_STATE, n);
    if (pair.input >= program.count(RLX_LIR_INPUTS) || pair.output >= program.count(RLX_LIR_OUTPUTS))
      return invalid(error, "state", n, "names no input or no output");
    const Value& from = program.values[program.at<rlx_lir_io>(RLX_LIR_INPUTS, pair.input).value];
    const Value& to = program.values[program.at<rlx_lir_io>(RLX_LIR_OUTPUTS, pair.output).value];
    if (from.view.dtype != to.view.dtype || !same_dims(from.view, to.view))
      return invalid(error, "state", n, "pairs tensors of unlike dims or dtypes");
  }
  return RLX_STATUS_OK;
}

int32_t check_params(const Program& program, rlx_error* error) {
  for (uint32_t n = 0; n < program.count(RLX_LIR_PARAMS); ++n) {
    const rlx_lir_param& param = program.at<rlx_lir_param>(RLX_LIR_PARAMS, n);
    if (param.value >= program.value_count) return invalid(error, "param", n, "names an unknown value");
    const Value& value = program.values[param.value];
    if (value.storage != RLX_LIR_STORAGE_PARAM || value.index != n)
      return invalid(error, "param", n, "names a value that is not it");
    const void* dims = rlx_lir_range(&program.image, RLX_LIR_I64, param.dims, param.rank);
    if (param.rank != value.view.rank || param.dtype != value.view.dtype || !dims ||
        memcmp(dims, value.view.dims, param.rank * sizeof(int64_t)))
      return invalid(error, "param", n, "differs from its value in dtype or dims");
  }
  for (uint32_t id = 0; id < program.value_count; ++id) {
    const Value& value = program.values[id];
    if (value.storage == RLX_LIR_STORAGE_PARAM &&
        program.at<rlx_lir_param>(RLX_LIR_PARAMS, value.index).value != id)
      return invalid(error, "value", id, "is a second value of one param");
  }
  return RLX_STATUS_OK;
}

int32_t check_plan(const Program& program, rlx_error* error) {
  if (!program.planned()) {
    if (program.count(RLX_LIR_PLACES))
      return invalid(error, "plan", program.count(RLX_LIR_PLACES), "places, not one per value");
    return RLX_STATUS_OK;
  }
  for (uint32_t n = 0; n < program.count(RLX_LIR_ARENAS); ++n) {
    const rlx_lir_arena& arena = program.at<rlx_lir_arena>(RLX_LIR_ARENAS, n);
    if (!arena.alignment || (arena.alignment & (arena.alignment - 1)) || arena.space != RLX_SPACE_DEVICE)
      return invalid(error, "arena", n, "has an alignment that is no power of two, or an unknown space");
  }
  for (uint32_t id = 0; id < program.value_count; ++id) {
    const rlx_lir_place& place = program.at<rlx_lir_place>(RLX_LIR_PLACES, id);
    if (place.arena == RLX_NO_INDEX) continue;
    if (place.arena >= program.count(RLX_LIR_ARENAS))
      return invalid(error, "value", id, "has a place in an unknown arena");
    const rlx_lir_arena& arena = program.at<rlx_lir_arena>(RLX_LIR_ARENAS, place.arena);
    const Value& value = program.values[id];
    if (place.offset > arena.bytes || value.bytes > arena.bytes - place.offset)
      return invalid(error, "value", id, "has a place outside its arena");
    if (value.view.bytes &&
        (place.offset % static_cast<uint64_t>(value.view.bytes) || arena.alignment < value.view.bytes))
      return invalid(error, "value", id, "has a place that is not aligned to its elements");
  }
  return RLX_STATUS_OK;
}

#if RLX_FAULT == 145
/// A copy, never freed, in which no section is required.
const void* without_required(const void* data, uint64_t bytes) {
  char* copy = static_cast<char*>(aligned(bytes, 8));
  memcpy(copy, data, bytes);
  const rlx_lir_header* header = reinterpret_cast<const rlx_lir_header*>(copy);
  for (uint64_t n = 0; n < header->section_count; ++n)
    reinterpret_cast<rlx_lir_section*>(copy + header->section_offset + n * header->section_stride)->flags = 0;
  return copy;
}
#endif

}  // namespace

int32_t open_program(Program* program, const void* data, uint64_t bytes, rlx_error* error) {
  uint64_t detail = 0;
  memset(static_cast<void*>(program), 0, sizeof *program);
  const int32_t status = rlx_lir_open(&program->image, data, bytes, &detail);
  if (status == RLX_STATUS_VERSION)
    return fail(error, status, RLX_NO_INDEX, detail, "image: version %llu, wanted %u",
                static_cast<unsigned long long>(detail), RLX_LIR_VERSION);
#if RLX_FAULT == 145  // required-skipped
  if (status == RLX_STATUS_UNSUPPORTED) {
    RLX_REACHED();
    return open_program(program, without_required(data, bytes), bytes, error);
  }
#endif
  if (status == RLX_STATUS_UNSUPPORTED)
    return fail(error, status, RLX_NO_INDEX, detail, "image: required section of unknown kind %llu",
                static_cast<unsigned long long>(detail));
  if (status != RLX_STATUS_OK)
    return fail(error, status, RLX_NO_INDEX, detail, "image: header or directory is damaged at %llu",
                static_cast<unsigned long long>(detail));
  if (program->count(RLX_LIR_REGIONS) == 0) return invalid(error, "region", 0, "is missing");
  C0_TRY(read_values(program, error));
  for (uint32_t n = 0; n < program->count(RLX_LIR_OPS); ++n) C0_TRY(check_op(program, n, error));
  for (uint32_t n = 0; n < program->count(RLX_LIR_REGIONS); ++n) C0_TRY(check_region(*program, n, error));
  C0_TRY(check_io(*program, error));
  C0_TRY(check_params(*program, error));
  return check_plan(*program, error);
}

void close_program(Program* program) {
  release(program->values);
  program->values = nullptr;
}

void views_of(const Program& program, const rlx_lir_op& op, View* in, View* out) {
  const uint32_t* operands = program.operands(op);
  const uint32_t* results = program.results(op);
  for (uint32_t n = 0; n < op.operand_count; ++n) {
    if (operands[n] == RLX_NO_INDEX)
      memset(static_cast<void*>(&in[n]), 0, sizeof in[n]);
    else
      in[n] = program.values[operands[n]].view;
  }
  for (uint32_t n = 0; n < op.result_count; ++n) out[n] = program.values[results[n]].view;
}

}  // namespace rlx_c0
