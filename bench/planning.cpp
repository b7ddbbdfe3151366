// SPDX-License-Identifier: Apache-2.0
// How template, first image, every further shape and the backend's compiling cost with the number of nodes: a chain of
// residual blocks of elementwise ops, unfused, so that as many ops reach the planner. CPU time of this thread, the median
// of a few.
#include <rlx/host/pipeline.hpp>
#include <rlx/ops.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

double cpu_ms() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) * 1e-6;
}

template <class T>
T wanted(rlx::Result<T> result) {
  if (result) return *std::move(result);
  std::fprintf(stderr, "%s\n", result.error().to_string().c_str());
  std::exit(1);
}

/// `nodes` ops; every fifth adds what was four ops before, so that lives overlap.
rlx::Model chain(std::size_t nodes) {
  rlx::ModelBuilder builder("chain");
  rlx::Handle value = builder.input("x", rlx::DType::kF32, {"batch", "seq", 16}), kept = value;
  for (std::size_t i = 0; i < nodes; ++i) {
    if (i % 5 == 4) {
      value = kept = builder.add(value, kept);
    } else {
      value = builder.unary(i % 2 ? RLX_UNARY_TANH : RLX_UNARY_SIN, value);
    }
  }
  builder.set_output("y", value);
  return wanted(builder.finish());
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void line(const rlx::Device& device, std::size_t nodes) {
  auto pipeline = wanted(rlx::ModelCompilePipeline::create(device));
  double begin = cpu_ms();
  const rlx::Model model = chain(nodes);
  const double build = cpu_ms() - begin;
  rlx::CompileOptions options;
  options.fuse = false;
  begin = cpu_ms();
  const rlx::Template made = wanted(pipeline.build_template("chain", model, options));
  const double optimise = cpu_ms() - begin;
  std::vector<double> further, compile;
  double first = 0;
  for (std::int64_t seq = 1; seq <= 8; ++seq) {
    begin = cpu_ms();
    const rlx::Specialized image = wanted(pipeline.specialize_template(made, {{"batch", 2}, {"seq", seq}}));
    (seq == 1 ? first : further.emplace_back()) = cpu_ms() - begin;
    if (seq == 1 && image.report.native != nodes) std::printf("(%zu ops in the image)\n", image.report.native);
    begin = cpu_ms();
    wanted(pipeline.compile_lir(made, image));
    compile.push_back(cpu_ms() - begin);
  }
  const auto cell = [&](const char* what, double ms) {
    std::printf(" %s %.2f ms (%.0f ns a node)", what, ms, ms * 1e6 / static_cast<double>(nodes));
  };
  std::printf("%zu nodes:", nodes);
  cell("built", build), cell("template", optimise), cell("first image", first);
  cell("further shape", median(further)), cell("backend's compile", median(compile));
  std::printf("\n");
}

}  // namespace

int main(int count, char** arguments) {
  auto runtime = wanted(rlx::Runtime::discover());
  const rlx::Device device = wanted(runtime.device());
  std::vector<std::size_t> sizes = {1'000, 10'000, 100'000};
  if (count > 1) sizes = {std::stoul(arguments[1])};
  for (const std::size_t nodes : sizes) line(device, nodes);
}
