// SPDX-License-Identifier: Apache-2.0
// Staging weights costs what the weights that are given cost, however many the model has.
#include <gtest/gtest.h>
#include <time.h>

#include <algorithm>
#include <string>

#include "runtime/execute/param_store.h"
#include "tests/unit/runtime/execute/room.h"

namespace rlx {
namespace {

using namespace rlx_test;

/// A graph of so many params of one element, whose names differ at the end.
std::shared_ptr<const Graph> graph_of(std::size_t count) {
  auto graph = std::make_shared<Graph>();
  graph->name = "many";
  graph->values.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    graph->values[i].name = "encoder.layer.attention.weight." + std::to_string(i);
    graph->values[i].shape = {DType::kF32, {Dim(1)}};
    graph->params.push_back({graph->values[i].name, static_cast<ValueId>(i), nullptr});
  }
  return graph;
}

/// Of this thread alone, whatever else the machine does.
double thread_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Seconds to give all of them in one call, and one at a time.
std::pair<double, double> seconds(const Host& host, std::size_t count) {
  const auto graph = graph_of(count);
  const auto bytes = std::make_shared<float>(1.0f);
  std::vector<ParamSource> sources;
  for (const Param& param : graph->params) sources.push_back({param.name, {DType::kF32, {1}, bytes.get(), sizeof(float)}, bytes, {}});
  const auto timed = [](const auto& work) {
    const double begin = thread_seconds();
    work();
    return thread_seconds() - begin;
  };
  ParamStore at_once("at once", graph, host.device.body()), in_turn("in turn", graph, host.device.body());
  const double together = timed([&] { EXPECT_TRUE(at_once.stage(sources, true)); });
  const double apart = timed([&] {
    for (const ParamSource& source : sources) EXPECT_TRUE(in_turn.stage(source));
  });
  EXPECT_TRUE(at_once.unset().empty() && in_turn.unset().empty());
  return {together, apart};
}

TEST(ParamStore, StagingIsLinearInTheNumberOfParams) {
  Host host(0);
  constexpr std::size_t kFew = 800, kTimes = 16;
  std::pair<double, double> few = {1e9, 1e9}, many = few;  // the best of several tries
  const auto keep = [](std::pair<double, double>& best, const std::pair<double, double>& seen) {
    best = {std::min(best.first, seen.first), std::min(best.second, seen.second)};
  };
  for (int i = 0; i < 5; ++i) {
    keep(few, seconds(host, kFew));
    keep(many, seconds(host, kTimes * kFew));
  }
  EXPECT_LT(many.first, 5.0 * kTimes * few.first) << "quadratic is " << kTimes * kTimes << " times";
  EXPECT_LT(many.second, 5.0 * kTimes * few.second);
}

}  // namespace
}  // namespace rlx
