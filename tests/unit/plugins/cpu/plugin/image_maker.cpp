// SPDX-License-Identifier: Apache-2.0
// Builds small images by hand.
#include "image_maker.h"

#include <gtest/gtest.h>

#include <cstring>

namespace rlx_test {

using rlx::lir::Storage;

uint32_t ImageMaker::add(rlx::lir::Value value) {
  module_.values.push_back(std::move(value));
  return static_cast<uint32_t>(module_.values.size() - 1);
}

uint32_t ImageMaker::input(const std::string& name, DType dtype, Dims dims) {
  const auto index = static_cast<uint32_t>(module_.inputs.size());
  const uint32_t id = add({dtype, std::move(dims), {}, Storage::kInput, index, 0, name});
  module_.inputs.push_back({name, id});
  return id;
}

uint32_t ImageMaker::param(const std::string& name, DType dtype, Dims dims, uint32_t set_index) {
  const auto index = static_cast<uint32_t>(module_.params.size());
  const uint32_t id = add({dtype, dims, {}, Storage::kParam, index, 0, name});
  module_.params.push_back({name, set_index, dtype, std::move(dims), false, id});
  return id;
}

uint32_t ImageMaker::constant(DType dtype, Dims dims, const void* data, size_t bytes) {
  const auto index = static_cast<uint32_t>(module_.constants.size());
  module_.constants.emplace_back(bytes);
  if (bytes != 0) std::memcpy(module_.constants.back().data(), data, bytes);
  return add({dtype, std::move(dims), {}, Storage::kConstant, index, 0, ""});
}

uint32_t ImageMaker::temp(DType dtype, Dims dims) {
  return add({dtype, std::move(dims), {}, Storage::kTemp, 0, 0, ""});
}
uint32_t ImageMaker::inner(DType dtype, Dims dims) {
  return add({dtype, std::move(dims), {}, Storage::kRegion, 0, 0, ""});
}

uint32_t ImageMaker::output(const std::string& name, DType dtype, Dims dims) {
  const auto index = static_cast<uint32_t>(module_.outputs.size());
  const uint32_t id = add({dtype, std::move(dims), {}, Storage::kOutput, index, 0, name});
  module_.outputs.push_back({name, id});
  return id;
}

void ImageMaker::output_of(const std::string& name, uint32_t value) {
  module_.outputs.push_back({name, value});
}

uint32_t ImageMaker::view(uint32_t root, Dims dims, Dims strides, int64_t byte_offset) {
  return add({module_.values[root].dtype, std::move(dims), std::move(strides), Storage::kView, root,
              byte_offset, ""});
}

void ImageMaker::op(uint32_t opcode, std::vector<uint32_t> operands, std::vector<uint32_t> results,
                    Attributes attributes, std::vector<uint32_t> regions, uint32_t region) {
  rlx::lir::Op op;
  op.opcode = opcode;
  op.operands = std::move(operands);
  op.results = std::move(results);
  op.attributes = std::move(attributes);
  op.regions = std::move(regions);
  regions_[region].ops.push_back(std::move(op));
}

uint32_t ImageMaker::region(std::vector<uint32_t> params) {
  regions_.push_back({std::move(params), {}, {}});
  return static_cast<uint32_t>(regions_.size() - 1);
}

rlx::lir::Image ImageMaker::image(bool planned) {
  rlx::lir::Module module = module_;
  for (const Part& part : regions_) {
    rlx::lir::Region region;
    region.first_op = static_cast<uint32_t>(module.ops.size());
    region.op_count = static_cast<uint32_t>(part.ops.size());
    region.params = part.params;
    region.results = part.results;
    module.regions.push_back(std::move(region));
    module.ops.insert(module.ops.end(), part.ops.begin(), part.ops.end());
  }
  if (planned) module.plan = rlx::lir::plan_module(module);
  auto image = rlx::lir::write_image(module);
  EXPECT_TRUE(image) << (image ? "" : image.error().message());
  return image ? std::move(*image) : rlx::lir::Image();
}

}  // namespace rlx_test
