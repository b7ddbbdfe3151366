// SPDX-License-Identifier: Apache-2.0
// What a run costs beside its kernels: a graph of one op on 16 floats, then chains of the same op unfused. Prints the
// median over rounds of nanoseconds per call, by name (run_into), prepared (BoundRun), and with a deadline that never comes.
#include <rlx/host/pipeline.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
constexpr int kRounds = 21, kCalls = 4000;

rlx::Result<rlx::Model> chain(int ops) {
  rlx::ModelBuilder builder("chain");
  const auto x = builder.input("x", rlx::DType::kF32, {16});
  auto y = x;
  for (int i = 0; i < ops; ++i) y = builder.add(y, x);
  builder.set_output("y", y);
  return builder.finish();
}

double median_ns(const std::function<rlx::Status()>& call) {
  std::vector<double> rounds;
  for (int round = 0; round < kRounds; ++round) {
    const auto begin = Clock::now();
    for (int i = 0; i < kCalls; ++i)
      if (const auto status = call(); !status) std::fprintf(stderr, "%s\n", status.error().to_string().c_str());
    rounds.push_back(std::chrono::duration<double, std::nano>(Clock::now() - begin).count() / kCalls);
  }
  std::sort(rounds.begin(), rounds.end());
  return rounds[rounds.size() / 2];
}

struct Times {
  double run_into = 0, bound = 0, watched = 0;
};

rlx::Result<Times> measure(rlx::ModelCompilePipeline& pipeline, int ops) {
  auto model = chain(ops);
  if (!model) return model.error();
  rlx::CompileOptions options;
  options.fuse = false;
  options.thread_limit = 1;  // so little work is for one thread
  auto made = pipeline.build_template("chain" + std::to_string(ops), *model, options);
  if (!made) return made.error();
  auto graph = pipeline.get_or_compile(*made, {});
  if (!graph) return graph.error();
  rlx::Tensor x(rlx::DType::kF32, {16}), y(rlx::DType::kF32, {16});
  const std::vector<rlx::NamedView> inputs = {{"x", x.view()}};
  const std::vector<rlx::NamedMutableView> outputs = {{"y", y.mutable_view()}};
  auto bound = graph->bind(inputs, outputs);
  if (!bound) return bound.error();
  rlx::CallOptions watched;
  watched.deadline = Clock::now() + std::chrono::hours(1);
  Times times;
  times.run_into = median_ns([&] { return graph->run_into(inputs, outputs); });
  times.bound = median_ns([&] { return bound->call(); });
  times.watched = median_ns([&] { return bound->call(watched); });
  return times;
}

rlx::Status report() {
  auto runtime = rlx::Runtime::discover();
  if (!runtime) return runtime.error();
  auto device = runtime->device();
  if (!device) return device.error();
  auto pipeline = rlx::ModelCompilePipeline::create(*device);
  if (!pipeline) return pipeline.error();
  std::printf("ops  run_into  bound  bound+deadline  (ns per call)\n");
  for (const int ops : {1, 2, 11, 101}) {
    const auto times = measure(*pipeline, ops);
    if (!times) return times.error();
    std::printf("%3d  %8.0f  %5.0f  %14.0f\n", ops, times->run_into, times->bound, times->watched);
    std::fflush(stdout);
  }
  return {};
}

}  // namespace

int main() {
  const auto status = report();
  if (!status) std::fprintf(stderr, "execute_overhead: %s\n", status.error().to_string().c_str());
  return status ? 0 : 1;
}
