// SPDX-License-Identifier: Apache-2.0
// An image that was read and found to stay inside itself. What ops mean is checked where each op is answered
// for.
#pragma once

#include "border.h"
#include "call.h"

namespace rlx_c0 {

struct Value {
  View view;  ///< data null
  uint32_t storage;
  uint32_t index;   ///< of the input, output, param, or root value
  uint64_t offset;  ///< in the constants, or of the first element in the root
  uint64_t bytes;   ///< of the dense form
};

/// Points into the image's bytes, which outlive it.
struct Program {
  rlx_lir_image image;
  Value* values;
  uint32_t value_count;
  uint32_t most_operands;
  uint32_t most_results;
  uint32_t precision;  ///< the class that was asked for, RLX_PRECISION_*

  uint32_t count(uint32_t kind) const { return static_cast<uint32_t>(rlx_lir_count(&image, kind)); }
  const rlx_lir_op& op(uint32_t index) const { return *rlx_lir_op_at(&image, index); }
  const rlx_lir_region& region(uint32_t index) const { return *rlx_lir_region_at(&image, index); }
  const uint32_t* pool(uint32_t first, uint32_t size) const {
    return static_cast<const uint32_t*>(rlx_lir_range(&image, RLX_LIR_U32, first, size));
  }
  const uint32_t* operands(const rlx_lir_op& record) const {
    return pool(record.operands, record.operand_count);
  }
  const uint32_t* results(const rlx_lir_op& record) const {
    return pool(record.results, record.result_count);
  }
  const rlx_lir_region& region_of(const rlx_lir_op& record, uint32_t which) const {
    return region(pool(record.regions, record.region_count)[which]);
  }
  template <class Record>
  const Record& at(uint32_t kind, uint32_t index) const {
    return *static_cast<const Record*>(rlx_lir_at(&image, kind, index));
  }
  bool planned() const { return count(RLX_LIR_PLACES) == value_count && value_count != 0; }
};

/// Errors: INVALID_IMAGE, VERSION, UNSUPPORTED (required section), OUT_OF_MEMORY. Close it also where it
/// failed.
int32_t open_program(Program* program, const void* data, uint64_t bytes, rlx_error* error);
void close_program(Program* program);

/// Operands and results of an op as views without data; room for most_operands and most_results.
void views_of(const Program& program, const rlx_lir_op& op, View* in, View* out);

}  // namespace rlx_c0
