// SPDX-License-Identifier: Apache-2.0
// Builds small images by hand, main graph and regions.
#pragma once

#include <string>
#include <vector>

#include "runtime/ir/lir/image.h"
#include "runtime/ir/lir/module.h"

namespace rlx_test {

using rlx::Attributes;
using rlx::Dims;
using rlx::DType;

class ImageMaker {
 public:
  uint32_t input(const std::string& name, DType dtype, Dims dims);
  uint32_t param(const std::string& name, DType dtype, Dims dims, uint32_t set_index);
  uint32_t constant(DType dtype, Dims dims, const void* data, size_t bytes);
  uint32_t scalar(float value) { return constant(DType::kF32, {}, &value, sizeof value); }
  uint32_t temp(DType dtype, Dims dims);
  /// A value of a region.
  uint32_t inner(DType dtype, Dims dims);
  /// A value that an op writes straight to the output of this name.
  uint32_t output(const std::string& name, DType dtype, Dims dims);
  /// An output whose value is something else.
  void output_of(const std::string& name, uint32_t value);
  uint32_t view(uint32_t root, Dims dims, Dims strides, int64_t byte_offset = 0);
  void state(uint32_t input, uint32_t output) { module_.states.push_back({input, output}); }

  /// Appends an op; with `region`, to that region.
  void op(uint32_t opcode, std::vector<uint32_t> operands, std::vector<uint32_t> results,
          Attributes attributes = {}, std::vector<uint32_t> regions = {}, uint32_t region = 0);
  /// The op appended last to the main graph.
  rlx::lir::Op& last_op() { return regions_[0].ops.back(); }
  /// A region with its params; returns its index.
  uint32_t region(std::vector<uint32_t> params);
  void results(uint32_t region, std::vector<uint32_t> values) {
    regions_[region].results = std::move(values);
  }

  rlx::lir::Image image(bool planned = true);

 private:
  struct Part {
    std::vector<uint32_t> params, results;
    std::vector<rlx::lir::Op> ops;
  };
  uint32_t add(rlx::lir::Value value);
  rlx::lir::Module module_;
  std::vector<Part> regions_{1};
};

}  // namespace rlx_test
