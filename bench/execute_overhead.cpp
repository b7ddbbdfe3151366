// SPDX-License-Identifier: Apache-2.0
// What a run costs beside its kernels: a graph of one op on 16 floats, then chains of the same op unfused. Prints the
// lower quartile over rounds of nanoseconds per call: by name (run_into), bound (BoundRun), and with a deadline that never
// comes.
#include <rlx/host/pipeline.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
constexpr int kRounds = 401;
constexpr double kRoundNs = 300e3;  // shorter than a slice of time, so that most rounds are not interrupted

rlx::Result<rlx::Model> chain(int ops) {
  rlx::ModelBuilder builder("chain");
  const auto x = builder.input("x", rlx::DType::kF32, {16});
  auto y = x;
  for (int i = 0; i < ops; ++i) y = builder.add(y, x);
  builder.set_output("y", y);
  return builder.finish();
}

double round_ns(const std::function<rlx::Status()>& call, int calls) {
  const auto begin = Clock::now();
  for (int i = 0; i < calls; ++i)
    if (const auto status = call(); !status) std::fprintf(stderr, "%s\n", status.error().to_string().c_str());
  return std::chrono::duration<double, std::nano>(Clock::now() - begin).count() / calls;
}

/// The lower quartile of the rounds: what a call takes on a core that it has for itself.
double ns_per_call(const std::function<rlx::Status()>& call) {
  round_ns(call, 100);
  const int calls = std::max(10, static_cast<int>(kRoundNs / std::max(1.0, round_ns(call, 100))));
  std::vector<double> rounds;
  for (int round = 0; round < kRounds; ++round) rounds.push_back(round_ns(call, calls));
  std::sort(rounds.begin(), rounds.end());
  return rounds[rounds.size() / 4];
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
  times.run_into = ns_per_call([&] { return graph->run_into(inputs, outputs); });
  times.bound = ns_per_call([&] { return bound->call(); });
  times.watched = ns_per_call([&] { return bound->call(watched); });
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
