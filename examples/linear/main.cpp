// SPDX-License-Identifier: Apache-2.0
// The smallest host program: one linear layer whose length is open, compiled for the length of the input.
#include <rlx/host/pipeline.hpp>

#include <cstdio>
#include <vector>

rlx::Status run() {
  rlx::ModelBuilder builder("linear");
  const auto x = builder.input("x", rlx::DType::kF32, {1, "seq", 4});
  builder.set_outputs({builder.linear(x, builder.param("w", rlx::DType::kF32, {4, 2}))});
  const auto model = builder.finish();
  if (!model) return model.error();

  auto runtime = rlx::Runtime::discover();
  if (!runtime) return runtime.error();
  const auto device = runtime->device();
  if (!device) return device.error();
  auto pipeline = rlx::ModelCompilePipeline::create(*device);
  if (!pipeline) return pipeline.error();
  const auto made = pipeline->build_template("linear", *model);
  if (!made) return made.error();
  auto graph = pipeline->get_or_compile(*made, {{"seq", 8}});
  if (!graph) return graph.error();

  const std::vector<float> ones(1 * 8 * 4, 1), weights = {1, 2, 3, 4, 5, 6, 7, 8};
  const auto input = rlx::Tensor::of({1, 8, 4}, ones), w = rlx::Tensor::of({4, 2}, weights);
  if (auto set = graph->set_param("w", w.view()); !set) return set;
  const auto outputs = graph->run({{{"x", input.view()}}});
  if (!outputs) return outputs.error();
  std::printf("%s on %s: first row %g %g\n", outputs->front().name.c_str(), device->name().c_str(),
              outputs->front().tensor.f32()[0], outputs->front().tensor.f32()[1]);
  return {};
}

int main() {
  const rlx::Status status = run();
  if (!status) std::fprintf(stderr, "linear: %s\n", status.error().to_string().c_str());
  return status ? 0 : 1;
}
