// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/runtime/reference/support.h"

#include <random>
#include <stdexcept>

#include "runtime/compile/legalize.h"
#include "runtime/ir/lir/image.h"
#include "runtime/reference/round.h"

namespace rlx::reference::test {

Tensor reals(DType dtype, Sizes dims, std::vector<double> values) {
  Tensor out(dtype, std::move(dims));
  for (std::size_t n = 0; n < out.v.size(); ++n) out.v[n] = round_to(dtype, values.at(n));
  return out;
}

Tensor integers(DType dtype, Sizes dims, std::vector<std::int64_t> values) {
  Tensor out(dtype, std::move(dims));
  for (std::size_t n = 0; n < out.i.size(); ++n) out.i[n] = wrap(dtype, values.at(n));
  return out;
}

std::vector<double> noise(std::size_t count, unsigned seed, double scale) {
  std::mt19937 rng(seed);
  std::vector<double> out(count);
  for (double& x : out) x = scale * (static_cast<double>(rng() >> 5) / (1u << 26) - 1);
  return out;
}

namespace {

Result<lir::Image> image_of(const std::vector<Tensor>& inputs, const Build& build) {
  Graph graph;
  MirBuilder b(graph);
  std::vector<ValueId> ids;
  for (std::size_t n = 0; n < inputs.size(); ++n)
    ids.push_back(
        graph.add_input(join("x", n), {inputs[n].dtype, Dims(inputs[n].dims.begin(), inputs[n].dims.end())}));
  const std::vector<ValueId> outputs = build(b, ids);
  RLX_TRY(b.status());
  for (std::size_t n = 0; n < outputs.size(); ++n) graph.outputs.push_back({join("y", n), outputs[n]});
  RLX_ASSIGN(const Legalized legal, legalize(graph, Target{"reference", "", {}, {}}));
  RLX_ASSIGN(const lir::Module module, lir::bind(legal.module, {}));
  return lir::write_image(module);
}

}  // namespace

Result<std::vector<TensorPtr>> run(const std::vector<Tensor>& inputs, const Build& build, How how,
                                   Precision precision) {
  RLX_ASSIGN(const lir::Image image, image_of(inputs, build));
  RLX_ASSIGN(const Program program, Program::make(image.bytes()));
  std::vector<std::vector<std::byte>> bytes;
  RunMemory memory;
  for (const Tensor& input : inputs) {
    bytes.emplace_back(input.count() * dtype_bytes(input.dtype) + 1);
    write_values(input, bytes.back().data());
    memory.inputs.emplace_back(bytes.back());
  }
  RunOptions options;
  options.bounds = true;
  options.precision = precision;
  options.composites_by_region = how == How::kRegion;
  return how == How::kUsual ? program.run_bounds(memory, options) : program.run(memory, options);
}

Tensor run_one(const std::vector<Tensor>& inputs, const Build& build, How how, Precision precision) {
  const auto out = run(inputs, build, how, precision);
  if (!out) throw std::runtime_error(out.error().to_string());
  return *out->at(0);
}

}  // namespace rlx::reference::test
