// SPDX-License-Identifier: Apache-2.0
// A trace is JSON that parses, its slices nest on every track, and nothing is recorded where nobody asked.
#include <gtest/gtest.h>
#include <rlx/host/trace.hpp>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "support.h"

namespace {

using nlohmann::json;

struct Seen {
  std::string name, category;
  double begin, end;
};

/// Complete events by track, in the order of the file.
std::map<int, std::vector<Seen>> tracks_of(const std::string& text) {
  const json document = json::parse(text);
  std::map<int, std::vector<Seen>> tracks;
  for (const json& event : document["traceEvents"])
    if (event["ph"] == "X") {
      const double begin = event["ts"], duration = event["dur"];
      tracks[event["tid"].get<int>()].push_back({event["name"], event["cat"], begin, begin + duration});
    }
  return tracks;
}

/// Every slice lies inside the one that is open when it begins.
void expect_nested(const std::vector<Seen>& slices) {
  std::vector<Seen> open;
  for (const Seen& slice : slices) {
    while (!open.empty() && open.back().end <= slice.begin) open.pop_back();
    if (!open.empty()) {
      EXPECT_LE(slice.end, open.back().end + 1e-6) << slice.name << " leaves " << open.back().name;
    }
    open.push_back(slice);
  }
}

std::vector<std::string> names_of(const std::vector<Seen>& slices, std::string_view category) {
  std::vector<std::string> names;
  for (const Seen& slice : slices)
    if (slice.category == category) names.push_back(slice.name);
  return names;
}

/// Builds a linear layer and runs it `runs` times with `options`.
void build_and_run(const rlx::RuntimeOptions& options, int runs) {
  auto runtime = rlx::Runtime::discover(options);
  auto pipeline = rlx::ModelCompilePipeline::create(*runtime->device("cpu:0"));
  const auto made = pipeline->build_template("linear", rlx_test::linear_model());
  auto graph = *pipeline->get_or_compile(*made, {{"seq", 3}});
  ASSERT_TRUE(graph.set_param("w", rlx::Tensor(rlx::DType::kF32, {4, 2}).view()));
  const rlx::Tensor x(rlx::DType::kF32, {1, 3, 4});
  for (int i = 0; i < runs; ++i) ASSERT_TRUE(graph.run(std::vector<rlx::NamedView>{{"x", x.view()}}));
}

TEST(Trace, TellsLoadPassesCompileAndEveryRunInNestedSlices) {
  rlx::RuntimeOptions options;
  options.trace = rlx::Trace::record();
  build_and_run(options, 3);
  const auto tracks = tracks_of(options.trace.to_json());
  ASSERT_FALSE(tracks.empty());
  for (const auto& [track, slices] : tracks) expect_nested(slices);
  const std::vector<Seen>& own = tracks.begin()->second;
  EXPECT_EQ(names_of(own, "run"), std::vector<std::string>(3, "run"));
  const auto passes = names_of(own, "pass");
  EXPECT_NE(std::find(passes.begin(), passes.end(), "fuse_linear"), passes.end());
  const auto compile = names_of(own, "compile");
  for (const char* wanted : {"template linear", "specialize", "compile_lir", "prepare weights"})
    EXPECT_EQ(std::count(compile.begin(), compile.end(), wanted), 1) << wanted;
  EXPECT_FALSE(names_of(own, "load").empty());
}

TEST(Trace, RecordsNothingWhereItIsOff) {
  rlx::RuntimeOptions options;
  build_and_run(options, 1);
  EXPECT_FALSE(options.trace.on());
  EXPECT_EQ(options.trace.slices(), 0u);
  EXPECT_TRUE(tracks_of(options.trace.to_json()).empty());
}

TEST(Trace, KeepsAtMostWhatItWasTold) {
  const rlx::Trace trace = rlx::Trace::record({.ops = false, .most_slices = 5});
  for (int i = 0; i < 8; ++i) const rlx::Trace::Slice slice(trace, "one");
  EXPECT_EQ(trace.slices(), 5u);
  EXPECT_EQ(trace.dropped(), 3u);
  EXPECT_EQ(json::parse(trace.to_json())["otherData"]["dropped"], "3");
}

TEST(Trace, NamesOfAnyBytesMakeValidJson) {
  const rlx::Trace trace = rlx::Trace::record();
  { const rlx::Trace::Slice slice(trace, "a\"b\\c\n\xff\x01\xc3"); }
  EXPECT_EQ(tracks_of(trace.to_json()).size(), 1u) << "and json::parse did not throw";
}

TEST(Trace, NamesInUtf8AreKeptAndBytesThatAreNoneAreReplaced) {
  const std::string name = "couche \xC3\xA9t\xC3\xA9 \xE5\xB1\xA4 \xF0\x9F\x98\x80 \"q\" \\ \n\x7F";
  const rlx::Trace trace = rlx::Trace::record();
  { const rlx::Trace::Slice slice(trace, name, "cat\xC3\xA9gorie"); }
  { const rlx::Trace::Slice slice(trace, "cut \xE5\xB1"); }
  const auto tracks = tracks_of(trace.to_json());
  ASSERT_EQ(tracks.size(), 1u);
  const std::vector<Seen>& own = tracks.begin()->second;
  ASSERT_EQ(own.size(), 2u);
  EXPECT_EQ(own[0].name, name);
  EXPECT_EQ(own[0].category, "cat\xC3\xA9gorie");
  EXPECT_EQ(own[1].name, "cut \xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST(Trace, HostSlicesNestAsTheCodeDoes) {
  const rlx::Trace trace = rlx::Trace::record();
  {
    const rlx::Trace::Slice outer(trace, "outer");
    { const rlx::Trace::Slice first(trace, "first"); }
    { const rlx::Trace::Slice second(trace, "second"); }
  }
  const auto tracks = tracks_of(trace.to_json());
  ASSERT_EQ(tracks.size(), 1u);
  const std::vector<Seen>& own = tracks.begin()->second;
  ASSERT_EQ(own.size(), 3u);
  EXPECT_EQ(own[0].name, "outer");
  EXPECT_EQ(own[2].name, "second");
  expect_nested(own);
}

TEST(Trace, ThreadsHaveTracksOfTheirOwn) {
  const rlx::Trace trace = rlx::Trace::record();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) {
        const rlx::Trace::Slice outer(trace, "outer");
        const rlx::Trace::Slice inner(trace, "inner");
      }
    });
  for (std::thread& thread : threads) thread.join();
  const auto tracks = tracks_of(trace.to_json());
  EXPECT_EQ(tracks.size(), 4u);
  for (const auto& [track, slices] : tracks) {
    EXPECT_EQ(slices.size(), 200u);
    expect_nested(slices);
  }
}

TEST(Trace, SaysWhereItCannotBeWritten) {
  const auto status = rlx::Trace::record().write("/nowhere/at/all.json");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), rlx::ErrorCode::kFileUnwritable);
}

}  // namespace
