// SPDX-License-Identifier: Apache-2.0
// What a bucket costs: MiniLM-like models (ids, mask, kinds of [batch, seq]) at some lengths, in the variant of the length
// and padded to the next power of two, in turns, on one thread; and the first run of lengths that were never seen.
#include <rlx/host/buckets.hpp>

#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

template <class T>
T taken(rlx::Result<T> result) {
  if (result) return *std::move(result);
  std::fprintf(stderr, "%s\n", result.error().to_string().c_str());
  std::exit(1);
}

/// Processor time of the calling thread: with one thread, what other work on the machine hardly disturbs.
double now_ms() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) * 1e-6;
}

template <class Call>
double ms(Call call) {
  const double begin = now_ms();
  call();
  return now_ms() - begin;
}

/// The lower quartile: what other work on the machine disturbed least.
double quartile(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 4];
}

struct Inputs {
  std::vector<rlx::NamedTensor> tensors;
  std::vector<rlx::NamedView> views;
  Inputs(const rlx::Template& from, std::int64_t seq) {
    for (const rlx::ManifestEntry& entry : from.manifest().inputs) {
      tensors.push_back({entry.name, rlx::Tensor(entry.dtype, {1, seq})});
      const bool mask = entry.name.find("mask") != std::string::npos;
      std::int64_t next = 0;
      for (std::int64_t& value : tensors.back().tensor.i64()) value = mask ? 1 : entry.name.find("type") != std::string::npos ? 0 : 1000 + 37 * next++ % 20000;
    }
    for (const rlx::NamedTensor& tensor : tensors) views.push_back({tensor.name, tensor.tensor.view()});
  }
};

struct Bench {
  rlx::ModelCompilePipeline pipeline;
  rlx::Template from;

  rlx::Buckets buckets(bool serve_larger) { return taken(rlx::Buckets::create(pipeline, from, {{rlx::Ladder::powers_of_two("seq", 16, 512)}, serve_larger})); }

  void steady(std::int64_t seq, int rounds) {
    const Inputs inputs(from, seq);
    const auto padded = buckets(false);
    const auto exact = taken(pipeline.get_or_compile(from, taken(from.bind(inputs.views))));
    std::vector<double> own, larger;
    for (int i = 0; i < rounds + 3; ++i) {
      const double a = ms([&] { taken(exact.run(inputs.views)); });
      const double b = ms([&] { taken(padded.run(inputs.views)); });
      if (i < 3) continue;
      own.push_back(a);
      larger.push_back(b);
    }
    std::printf("| 1x%lld in %lld | %.2f | %.2f | %.2f |\n", static_cast<long long>(seq), static_cast<long long>(taken(padded.bucket_of({{"batch", 1}, {"seq", seq}})).at("seq")),
                quartile(own), quartile(larger), quartile(larger) / quartile(own));
  }

  /// The first run of new lengths, minus a steady one: what compiles before it is what differs.
  void first_runs() {
    const auto serving = buckets(true);
    taken(serving.run(Inputs(from, 128).views));
    serving.wait();
    std::vector<double> behind, before;
    for (std::int64_t seq = 65; seq < 125; seq += 6) {
      const Inputs served(from, seq), own(from, seq + 1);
      const double first = ms([&] { taken(serving.run(served.views)); });
      serving.wait();
      behind.push_back(first);
      before.push_back(ms([&] { taken(taken(pipeline.get_or_compile(from, taken(from.bind(own.views)))).run(own.views)); }));
    }
    std::printf("first run of a new length, 65 to 125: %.2f ms in the bucket of 128 while its own compiles, %.2f ms in its own compiled before\n",
                quartile(behind), quartile(before));
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "buckets_bench MODEL [ROUNDS]\n"), 2;
  rlx::RuntimeOptions options;
  options.threads = 1;
  auto runtime = taken(rlx::Runtime::discover(options));
  auto pipeline = taken(rlx::ModelCompilePipeline::create(taken(runtime.device())));
  auto from = taken(pipeline.build_template("model", taken(rlx::load_model(argv[1]))));
  Bench bench{std::move(pipeline), std::move(from)};
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 41;
  std::printf("| | own variant, ms | in the bucket, ms | ratio |\n|---|---|---|---|\n");
  for (const std::int64_t seq : {9, 16, 37, 64, 100, 128, 200}) bench.steady(seq, rounds);
  bench.first_runs();
  return 0;
}
