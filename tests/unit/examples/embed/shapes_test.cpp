// SPDX-License-Identifier: Apache-2.0
// The real model at 50 random shapes from one template: every row of a padded batch equals the same row alone, and rows
// alone equal what other programs computed.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "examples/embed/embedder.h"

namespace {

std::string model_folder() {
  if (const char* folder = std::getenv("RLX_MODEL_DIR")) return folder;
  const char* cache = std::getenv("RLX_CACHE_DIR");
  const char* xdg = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  const std::string base = cache ? cache : xdg ? std::string(xdg) + "/rlx" : std::string(home ? home : "") + "/.cache/rlx";
  return base + "/models/all-MiniLM-L6-v2";
}

class Encoder : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(model_folder() + "/model.safetensors")) {
      if (std::getenv("RLX_ALLOW_NO_MODEL")) GTEST_SKIP() << "no model at " << model_folder();
      FAIL() << "no model at " << model_folder() << "; run tools/fetch_model.sh";
    }
    auto runtime = rlx::Runtime::discover();
    const auto device = runtime->device();
    ASSERT_TRUE(device) << device.error().to_string();
    auto opened = rlx_embed::Embedder::open(model_folder(), *device);
    ASSERT_TRUE(opened) << opened.error().to_string();
    embedder_.emplace(std::move(*opened));
  }

  /// One embedding a row. Fails the test and gives nothing on an error.
  std::vector<float> run(const std::vector<std::vector<std::int64_t>>& rows) {
    const auto result = embedder_->run(embedder_->pad(rows));
    EXPECT_TRUE(result) << result.error().to_string();
    if (!result) return {};
    return {result->f32().begin(), result->f32().end()};
  }

  std::optional<rlx_embed::Embedder> embedder_;
};

TEST_F(Encoder, RunsAtFiftyRandomShapesEachRight) {
  std::mt19937_64 random(2024);
  for (int shape = 0; shape < 50; ++shape) {
    std::vector<std::vector<std::int64_t>> rows(1 + random() % 4);
    for (auto& row : rows)
      for (std::size_t length = 1 + random() % 60; row.size() < length;)
        row.push_back(static_cast<std::int64_t>(random() % embedder_->tokenizer().size()));
    const std::vector<float> together = run(rows);
    ASSERT_EQ(together.size(), rows.size() * 384);
    const std::size_t checked = random() % rows.size();
    const std::vector<float> alone = run({rows[checked]});
    double length = 0;
    for (std::size_t i = 0; i < 384; ++i) {
      ASSERT_NEAR(together[checked * 384 + i], alone[i], 2e-6) << "shape " << shape << ", row " << checked << ", element " << i;
      length += double{alone[i]} * double{alone[i]};
    }
    ASSERT_NEAR(length, 1, 1e-5) << "shape " << shape;
  }
}

TEST_F(Encoder, AgreesWithOtherProgramsOnTheFixture) {
  std::ifstream file(RLX_FIXTURE);
  const nlohmann::json json = nlohmann::json::parse(file, nullptr, false);
  ASSERT_TRUE(json.is_object()) << RLX_FIXTURE;
  for (const auto& entry : json["cases"]) {
    const std::vector<float> seen = run({entry["ids"].get<std::vector<std::int64_t>>()});
    ASSERT_EQ(seen.size(), 384u);
    for (std::size_t i = 0; i < 384; ++i) ASSERT_NEAR(seen[i], entry["float64"][i].get<double>(), 5e-6) << entry["name"] << ", " << i;
  }
}

/// Specialized twice, the fast and the slow way, an image has one form; a hit compiles nothing.
TEST_F(Encoder, ASecondRunOfAShapeCompilesNothing) {
  run({{101, 7592, 102}});
  const auto before = embedder_->pipeline().counters().compiles;
  run({{101, 2088, 102}});
  EXPECT_EQ(embedder_->pipeline().counters().compiles, before);
}

TEST_F(Encoder, RefusesMoreTokensThanThePositionTable) {
  const auto result = embedder_->run(embedder_->pad({std::vector<std::int64_t>(600, 7592)}));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), rlx::ErrorCode::kSymbolOutOfRange) << result.error().message();
  EXPECT_NE(result.error().message().find("600"), std::string::npos);
}

}  // namespace
