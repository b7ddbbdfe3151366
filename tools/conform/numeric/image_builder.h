// SPDX-License-Identifier: Apache-2.0
// Small images, built value by value. Names are for people.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "runtime/ir/lir/image.h"
#include "runtime/ir/lir/module.h"

namespace rlx::conform {

class ImageBuilder {
 public:
  std::uint32_t input(const std::string& name, DType dtype, Dims dims);
  std::uint32_t param(const std::string& name, DType dtype, Dims dims, std::uint32_t set_index);
  std::uint32_t constant(DType dtype, Dims dims, const std::string& bytes);
  std::uint32_t temp(DType dtype, Dims dims);
  /// A parameter or inner value of a region.
  std::uint32_t inner(DType dtype, Dims dims);
  /// A value that an op writes straight to this output.
  std::uint32_t output(const std::string& name, DType dtype, Dims dims);
  /// An output whose value is something else.
  void output_of(const std::string& name, std::uint32_t value);
  std::uint32_t view(std::uint32_t root, Dims dims, Dims strides, std::int64_t byte_offset = 0);
  Shape shape(std::uint32_t value) const { return {module_.values[value].dtype, module_.values[value].dims}; }
  /// Elements of `value` at or past `size` along `axis` are unspecified.
  void extent(std::uint32_t value, std::uint32_t axis, std::uint32_t size) { module_.extents.push_back({value, axis, size}); }
  void state(std::uint32_t input, std::uint32_t output) { module_.states.push_back({input, output}); }

  /// Appends an op to a region; 0 is the main graph.
  void op(std::uint32_t opcode, std::vector<std::uint32_t> operands, std::vector<std::uint32_t> results, Attributes attributes = {},
          std::vector<std::uint32_t> regions = {}, std::uint32_t region = 0);
  /// The op appended last to the main graph.
  lir::Op& last_op() { return parts_[0].ops.back(); }
  /// Returns the region's index.
  std::uint32_t region(std::vector<std::uint32_t> params);
  void region_results(std::uint32_t region, std::vector<std::uint32_t> values) { parts_[region].results = std::move(values); }

  /// The module as built so far; planned where asked for.
  lir::Module module(bool planned = true) const;
  /// Its image, verified. Errors: what write_image and verify_image refuse.
  Result<lir::Image> image(bool planned = true) const;

 private:
  struct Part {
    std::vector<std::uint32_t> params, results;
    std::vector<lir::Op> ops;
  };
  std::uint32_t add(lir::Value value);
  lir::Module module_;
  std::vector<Part> parts_{1};
};

std::string bytes_of(const lir::Image& image);

}  // namespace rlx::conform
