// SPDX-License-Identifier: Apache-2.0
// A checked reading of an image: every index, range and size has been followed once, so that what is built
// from it cannot touch memory outside of its tensors. Lives as long as the image, which is one call.
#pragma once

#include <rlx/lir.h>

#include <string>
#include <vector>

#include "kernels/generic/view.h"

namespace rlx_cpu {

struct GraphValue {
  View view;           // data is null; strides are always filled
  bool known = false;  // a dtype that has bytes
  uint32_t storage = 0;
  uint32_t index = 0;
  uint64_t byte_offset = 0;
  uint64_t byte_size = 0;
};

struct GraphOp {
  uint32_t index = 0;
  const rlx_lir_op* record = nullptr;
  const uint32_t* operands = nullptr;
  const uint32_t* results = nullptr;
  const uint32_t* regions = nullptr;
};

class ImageGraph {
 public:
  /// Errors: INVALID_IMAGE naming what leaves the image, VERSION, UNSUPPORTED (an unknown required section).
  int32_t open(const void* data, uint64_t bytes, rlx_error* error);

  const rlx_lir_image& image() const { return image_; }
  const GraphValue& value(uint32_t id) const { return values_[id]; }
  uint32_t value_count() const { return static_cast<uint32_t>(values_.size()); }
  const GraphOp& op(uint32_t index) const { return ops_[index]; }
  uint32_t op_count() const { return static_cast<uint32_t>(ops_.size()); }
  const rlx_lir_region& region(uint32_t index) const { return *rlx_lir_region_at(&image_, index); }
  const uint32_t* region_params(uint32_t index) const;
  const uint32_t* region_results(uint32_t index) const;
  /// Root of a value: itself unless it is a view.
  uint32_t root(uint32_t id) const {
    return values_[id].storage == RLX_LIR_STORAGE_VIEW ? values_[id].index : id;
  }

  uint32_t count(uint32_t kind) const { return static_cast<uint32_t>(rlx_lir_count(&image_, kind)); }
  const rlx_lir_io& input(uint32_t index) const { return record<rlx_lir_io>(RLX_LIR_INPUTS, index); }
  const rlx_lir_io& output(uint32_t index) const { return record<rlx_lir_io>(RLX_LIR_OUTPUTS, index); }
  const rlx_lir_param& param(uint32_t index) const { return record<rlx_lir_param>(RLX_LIR_PARAMS, index); }
  const rlx_lir_state& state(uint32_t index) const { return record<rlx_lir_state>(RLX_LIR_STATE, index); }
  const rlx_lir_arena& arena(uint32_t index) const { return record<rlx_lir_arena>(RLX_LIR_ARENAS, index); }
  bool planned() const { return count(RLX_LIR_PLACES) != 0 || count(RLX_LIR_ARENAS) != 0; }
  const rlx_lir_place& place(uint32_t index) const { return record<rlx_lir_place>(RLX_LIR_PLACES, index); }
  std::string text(rlx_lir_string string) const;

  // Attributes of an op.
  int64_t i64(const GraphOp& op, uint32_t key, int64_t otherwise) const {
    return rlx_lir_attr_i64(&image_, op.record, key, otherwise);
  }
  double f64(const GraphOp& op, uint32_t key, double otherwise) const {
    return rlx_lir_attr_f64(&image_, op.record, key, otherwise);
  }
  bool has(const GraphOp& op, uint32_t key) const {
    return rlx_lir_attr_of(&image_, op.record, key) != nullptr;
  }
  std::vector<int64_t> list(const GraphOp& op, uint32_t key) const;
  std::vector<double> doubles(const GraphOp& op, uint32_t key) const;

 private:
  template <class Record>
  const Record& record(uint32_t kind, uint32_t index) const {
    return *static_cast<const Record*>(rlx_lir_at(&image_, kind, index));
  }
  int32_t invalid(rlx_error* error, const char* what, uint64_t index, const char* why) const;
  int32_t read_values(rlx_error* error);
  int32_t read_value(uint32_t id, rlx_error* error);
  int32_t check_view(uint32_t id, rlx_error* error) const;
  int32_t read_ops(rlx_error* error);
  int32_t check_regions(rlx_error* error) const;
  int32_t check_tables(rlx_error* error) const;
  int32_t check_plan(rlx_error* error) const;

  rlx_lir_image image_{};
  std::vector<GraphValue> values_;
  std::vector<GraphOp> ops_;
};

/// First and past-last byte that a view touches, relative to its element [0,..,0]. Empty views touch nothing.
void byte_span(const View& view, int64_t* low, int64_t* high);
bool is_dense(const View& view);

}  // namespace rlx_cpu
