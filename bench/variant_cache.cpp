// SPDX-License-Identifier: Apache-2.0
// What a hit of the variant cache costs with 1 to 1,000 variants, from one thread and from several: nanoseconds of the
// thread's own CPU time, so that other work on the machine counts as little as it can, and hits of all threads by the clock.
#include <rlx/host/pipeline.hpp>

#include <time.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

double cpu_ns() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

template <class T>
T wanted(rlx::Result<T> result) {
  if (result) return *std::move(result);
  std::fprintf(stderr, "%s\n", result.error().to_string().c_str());
  std::exit(1);
}

/// y = x[batch, seq] + x
rlx::Model model() {
  rlx::ModelBuilder builder("double");
  const auto x = builder.input("x", rlx::DType::kF32, {"batch", "seq"});
  builder.set_output("y", builder.add(x, x));
  return wanted(builder.finish());
}

std::vector<rlx::Binding> bindings(std::size_t count) {
  std::vector<rlx::Binding> made;
  for (std::size_t i = 0; i < count; ++i)
    made.push_back({{"batch", 1 + static_cast<std::int64_t>(i % 8)}, {"seq", 1 + static_cast<std::int64_t>(i / 8)}});
  return made;
}

/// Every binding in turn, from `first` on. Returns ns a hit.
double hit_ns(rlx::ModelCompilePipeline& pipeline, const rlx::Template& from, const std::vector<rlx::Binding>& all, std::size_t first) {
  constexpr std::size_t kHits = 200'000;
  const double begin = cpu_ns();
  std::size_t at = first % all.size();
  for (std::size_t i = 0; i < kHits; ++i) {
    if (!pipeline.get_or_compile(from, all[at])) std::exit(1);
    if (++at == all.size()) at = 0;
  }
  return (cpu_ns() - begin) / kHits;
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

/// Hits a microsecond of `threads` threads together, and ns a hit of one of them.
void threads_line(rlx::ModelCompilePipeline& pipeline, const rlx::Template& from, const std::vector<rlx::Binding>& all, unsigned threads) {
  std::vector<double> rounds, rates;
  for (int round = 0; round < 7; ++round) {
    std::vector<double> each(threads);
    std::vector<std::thread> running;
    std::atomic<unsigned> ready = 0;
    const auto begin = Clock::now();
    for (unsigned i = 0; i < threads; ++i)
      running.emplace_back([&, i] {
        for (++ready; ready < threads;) std::this_thread::yield();
        each[i] = hit_ns(pipeline, from, all, i);
      });
    for (std::thread& thread : running) thread.join();
    const double us = std::chrono::duration<double, std::micro>(Clock::now() - begin).count();
    rounds.push_back(median(each));
    rates.push_back(200'000.0 * threads / us);
  }
  std::printf("%5zu variants, %2u threads: %7.1f ns a hit, %6.1f hits/us together\n", all.size(), threads, median(rounds), median(rates));
}

}  // namespace

int main() {
  auto runtime = wanted(rlx::Runtime::discover());
  for (const std::size_t count : {1u, 10u, 100u, 1000u}) {
    auto pipeline = wanted(rlx::ModelCompilePipeline::create(wanted(runtime.device()), 2000));
    const auto from = wanted(pipeline.build_template("double", model()));
    const auto all = bindings(count);
    for (const rlx::Binding& binding : all) wanted(pipeline.get_or_compile(from, binding));
    std::vector<double> rounds;
    for (int round = 0; round < 9; ++round) rounds.push_back(hit_ns(pipeline, from, all, 0));
    std::printf("%5zu variants,  1 thread : %7.1f ns a hit\n", count, median(rounds));
    if (count == 1 || count == 1000)
      for (const unsigned threads : {2u, 4u, 8u, 16u}) threads_line(pipeline, from, all, threads);
  }
}
