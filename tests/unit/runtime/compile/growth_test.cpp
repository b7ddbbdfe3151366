// SPDX-License-Identifier: Apache-2.0
// What passes, first image and further images cost grows with the graph and not with its square: counted in calls of
// operator new and bytes asked of it, which do not depend on the machine, and in processor time with room to spare, for
// loops that allocate nothing.
#include <gtest/gtest.h>
#include <time.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <new>

#include "runtime/compile/pipeline.h"
#include "runtime/compile/specialize.h"
#include "runtime/ir/lir/image.h"
#include "support.h"

namespace {
thread_local std::uint64_t calls = 0, bytes = 0;
}

[[gnu::noinline]] void* operator new(std::size_t size) {
  ++calls;
  bytes += size;
  if (void* const memory = std::malloc(size ? size : 1)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace rlx::test {
namespace {

struct Cost {
  std::uint64_t calls = 0, bytes = 0;
  double ns = 1e18;
};

double thread_ns() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

template <class Work>
void measure(Cost& cost, Work work) {
  const std::uint64_t calls_before = calls, bytes_before = bytes;
  const double begin = thread_ns();
  work();
  cost.ns = std::min(cost.ns, thread_ns() - begin);
  cost.calls = calls - calls_before;
  cost.bytes = bytes - bytes_before;
}

/// `nodes` ops; every fifth adds what was four ops before, every fiftieth is a matmul with a weight of its own.
Graph chain(int nodes) {
  Maker m;
  ValueId x = m.input("x", {m.B(), m.S(), 16}), kept = x;
  for (int i = 0; i < nodes; ++i) {
    if (i % 50 == 7)
      x = m.linear(x, m.param("w" + std::to_string(i), {16, 16}));
    else if (i % 5 == 4)
      x = kept = m.add(x, kept);
    else
      x = m.b.unary(i % 2 ? RLX_UNARY_TANH : RLX_UNARY_SIN, x);
  }
  return m.finish({x});
}

struct Costs {
  Cost passes, fusing, first, further;
};

Costs costs_of(int nodes) {
  Costs costs;
  const Graph made = chain(nodes);
  Target target = takes_all();
  target.query = [](Bytes image) -> Result<TargetAnswer> {
    rlx_lir_image reader;
    EXPECT_EQ(rlx_lir_open(&reader, image.data(), image.size(), nullptr), RLX_STATUS_OK);
    TargetAnswer answer;
    answer.depends_on_dims = false;
    answer.verdicts.resize(rlx_lir_count(&reader, RLX_LIR_OPS), {Verdict::Kind::kNative, {}});
    return answer;
  };
  for (int round = 0; round < 3; ++round) {
    Graph plain = made, fused = made;
    OptimizeOptions unfused;
    unfused.fuse = false;
    measure(costs.passes, [&] { EXPECT_TRUE(optimize(plain, unfused)); });
    measure(costs.fusing, [&] { EXPECT_TRUE(optimize(fused, {})); });
    Specializer specializer(std::make_shared<const Graph>(std::move(plain)), target);
    measure(costs.first, [&] { EXPECT_TRUE(specializer.specialize({{"b", 2}, {"s", 3}})); });
    measure(costs.further, [&] { EXPECT_TRUE(specializer.specialize({{"b", 2}, {"s", 4}})); });
  }
  return costs;
}

void expect_near_linear(const char* what, const Cost& small, const Cost& large, double times) {
  const auto grown = [](double a, double b) { return b / std::max(a, 1.0); };
  EXPECT_LT(grown(double(small.calls), double(large.calls)), 1.5 * times) << what << ": calls " << small.calls << ", " << large.calls;
  EXPECT_LT(grown(double(small.bytes), double(large.bytes)), 1.5 * times) << what << ": bytes " << small.bytes << ", " << large.bytes;
  EXPECT_LT(grown(small.ns, large.ns), 4 * times) << what << ": ns " << small.ns << ", " << large.ns;
}

TEST(Growth, IsNearLinearInTheNumberOfNodes) {
  constexpr int kFew = 1'500, kTimes = 12;
  const Costs small = costs_of(kFew), large = costs_of(kFew * kTimes);
  expect_near_linear("passes without fusion", small.passes, large.passes, kTimes);
  expect_near_linear("passes", small.fusing, large.fusing, kTimes);
  expect_near_linear("first image", small.first, large.first, kTimes);
  expect_near_linear("further image", small.further, large.further, kTimes);
}

}  // namespace
}  // namespace rlx::test
