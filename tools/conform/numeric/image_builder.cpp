// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/numeric/image_builder.h"

#include <cstring>

namespace rlx::conform {

using lir::Storage;

std::uint32_t ImageBuilder::add(lir::Value value) {
  module_.values.push_back(std::move(value));
  return static_cast<std::uint32_t>(module_.values.size() - 1);
}

std::uint32_t ImageBuilder::input(const std::string& name, DType dtype, Dims dims) {
  const auto index = static_cast<std::uint32_t>(module_.inputs.size());
  const std::uint32_t id = add({dtype, std::move(dims), {}, Storage::kInput, index, 0, name});
  module_.inputs.push_back({name, id});
  return id;
}

std::uint32_t ImageBuilder::param(const std::string& name, DType dtype, Dims dims, std::uint32_t set_index) {
  const auto index = static_cast<std::uint32_t>(module_.params.size());
  const std::uint32_t id = add({dtype, dims, {}, Storage::kParam, index, 0, name});
  module_.params.push_back({name, set_index, dtype, std::move(dims), false, id});
  return id;
}

std::uint32_t ImageBuilder::constant(DType dtype, Dims dims, const std::string& bytes) {
  const auto index = static_cast<std::uint32_t>(module_.constants.size());
  module_.constants.emplace_back(bytes.size());
  if (!bytes.empty()) std::memcpy(module_.constants.back().data(), bytes.data(), bytes.size());
  return add({dtype, std::move(dims), {}, Storage::kConstant, index, 0, ""});
}

std::uint32_t ImageBuilder::temp(DType dtype, Dims dims) { return add({dtype, std::move(dims), {}, Storage::kTemp, 0, 0, ""}); }
std::uint32_t ImageBuilder::inner(DType dtype, Dims dims) { return add({dtype, std::move(dims), {}, Storage::kRegion, 0, 0, ""}); }

std::uint32_t ImageBuilder::output(const std::string& name, DType dtype, Dims dims) {
  const auto index = static_cast<std::uint32_t>(module_.outputs.size());
  const std::uint32_t id = add({dtype, std::move(dims), {}, Storage::kOutput, index, 0, name});
  module_.outputs.push_back({name, id});
  return id;
}

void ImageBuilder::output_of(const std::string& name, std::uint32_t value) { module_.outputs.push_back({name, value}); }

std::uint32_t ImageBuilder::view(std::uint32_t root, Dims dims, Dims strides, std::int64_t byte_offset) {
  return add({module_.values[root].dtype, std::move(dims), std::move(strides), Storage::kView, root, byte_offset, ""});
}

void ImageBuilder::op(std::uint32_t opcode, std::vector<std::uint32_t> operands, std::vector<std::uint32_t> results,
                      Attributes attributes, std::vector<std::uint32_t> regions, std::uint32_t region) {
  lir::Op op;
  op.opcode = opcode;
  op.operands = std::move(operands);
  op.results = std::move(results);
  op.attributes = std::move(attributes);
  op.regions = std::move(regions);
  parts_[region].ops.push_back(std::move(op));
}

std::uint32_t ImageBuilder::region(std::vector<std::uint32_t> params) {
  parts_.push_back({std::move(params), {}, {}});
  return static_cast<std::uint32_t>(parts_.size() - 1);
}

lir::Module ImageBuilder::module(bool planned) const {
  lir::Module module = module_;
  for (const Part& part : parts_) {
    lir::Region region;
    region.first_op = static_cast<std::uint32_t>(module.ops.size());
    region.op_count = static_cast<std::uint32_t>(part.ops.size());
    region.params = part.params;
    region.results = part.results;
    module.regions.push_back(std::move(region));
    module.ops.insert(module.ops.end(), part.ops.begin(), part.ops.end());
  }
  if (planned) module.plan = lir::plan_module(module);
  return module;
}

Result<lir::Image> ImageBuilder::image(bool planned) const {
  RLX_ASSIGN(lir::Image image, lir::write_image(module(planned)));
  RLX_TRY(lir::verify_image(image.bytes()));
  return image;
}

std::string bytes_of(const lir::Image& image) {
  return std::string(reinterpret_cast<const char*>(image.bytes().data()), image.bytes().size());
}

}  // namespace rlx::conform
