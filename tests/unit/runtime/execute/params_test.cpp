// SPDX-License-Identifier: Apache-2.0
// Weights: swapped whole while others run, shared by adapters, packed while somebody uses them, never copied for nothing.
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <cstring>
#include <fstream>
#include <thread>

#include "support.h"

namespace {

using namespace rlx_test;
using rlx::DType;
using rlx::ErrorCode;
using rlx::ParamSet;
using rlx::Tensor;

/// y = (x[rows, 64] . w[64, 64] + b) . v[64, 64]
rlx::Model two_layers() {
  rlx::ModelBuilder builder("two");
  const auto x = builder.input("x", DType::kF32, {"rows", 64});
  const auto w = builder.param("w", DType::kF32, {64, 64}), b = builder.param("b", DType::kF32, {64});
  const auto v = builder.param("v", DType::kF32, {64, 64});
  builder.set_output("y", builder.linear(builder.linear(x, w, b, rlx::Activation::kTanh), v));
  auto model = builder.finish();
  EXPECT_TRUE(model) << model.error().to_string();
  return *model;
}

Tensor wave(std::vector<std::int64_t> dims, float phase) {
  Tensor tensor(DType::kF32, std::move(dims));
  float at = phase;
  for (float& value : tensor.f32()) value = 0.1f * std::sin(at += 0.7f);
  return tensor;
}

/// Weights of the model as one of several sets.
struct Weights {
  explicit Weights(float phase) : w(wave({64, 64}, phase)), b(wave({64}, phase + 1)), v(wave({64, 64}, phase + 2)) {}
  std::vector<rlx::ParamSource> sources() const { return {{"w", w.view(), nullptr}, {"b", b.view(), nullptr}, {"v", v.view(), nullptr}}; }
  Tensor w, b, v;
};

class Params : public testing::Test {
 protected:
  void SetUp() override {
    pipeline_ = rlx::ModelCompilePipeline::create(open_device());
    template_ = *pipeline_->build_template("two", two_layers());
  }
  rlx::CompiledGraph graph(std::int64_t rows) {
    auto made = pipeline_->get_or_compile(template_, {{"rows", rows}});
    EXPECT_TRUE(made) << made.error().to_string();
    return *made;
  }
  static std::vector<float> run(const rlx::CompiledGraph& graph, const rlx::CallOptions& options = {}) {
    const Tensor x = wave({graph.binding().at("rows"), 64}, 9);
    const auto outputs = graph.run({{{"x", x.view()}}}, options);
    EXPECT_TRUE(outputs) << outputs.error().to_string();
    if (!outputs) return {};
    const auto y = outputs->front().tensor.f32();
    return {y.begin(), y.end()};
  }
  static rlx::CallOptions with(const ParamSet& params) {
    rlx::CallOptions options;
    options.params = params;
    return options;
  }

  rlx::Result<rlx::ModelCompilePipeline> pipeline_;
  rlx::Template template_;
};

TEST_F(Params, EveryResultBelongsToOneSetWhileOneThreadReplacesThem) {
  const Weights first(0), second(5);
  ParamSet params = template_.params();
  const auto shared = graph(3);
  ASSERT_TRUE(params.replace_all(first.sources()));
  const std::vector<float> a = run(shared);
  ASSERT_TRUE(params.replace_all(second.sources()));
  const std::vector<float> b = run(shared);
  ASSERT_NE(a, b);
  std::atomic<bool> stop = false;
  std::atomic<int> torn = 0, runs = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&, own = graph(i % 2 ? 3 : 1)] {
      while (!stop) {
        std::vector<float> seen = run(own);
        const std::vector<float> like_a(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(seen.size()));
        const std::vector<float> like_b(b.begin(), b.begin() + static_cast<std::ptrdiff_t>(seen.size()));
        torn += seen != like_a && seen != like_b;
        ++runs;
      }
    });
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(params.set_all((i % 2 ? second : first).sources()));
    std::this_thread::yield();
  }
  while (runs < 16) std::this_thread::yield();
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(torn, 0);
}

TEST_F(Params, TwoAdaptersRunAtOnceBesideTheirBase) {
  const Weights base(0), other(7);
  ASSERT_TRUE(template_.params().replace_all(base.sources()));
  auto one = template_.derive_params(), two = template_.derive_params();
  ASSERT_TRUE(one && two);
  ASSERT_TRUE(one->set("w", other.w.view()));
  ASSERT_TRUE(two->set("v", other.v.view()));
  const auto shared = graph(2);
  const std::vector<rlx::CallOptions> sets = {{}, with(*one), with(*two)};
  std::vector<std::vector<float>> alone;
  for (const auto& options : sets) alone.push_back(run(shared, options));
  EXPECT_NE(alone[0], alone[1]);
  EXPECT_NE(alone[0], alone[2]);
  EXPECT_NE(alone[1], alone[2]);
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < 6; ++i)
    threads.emplace_back([&, i] {
      for (int k = 0; k < 50; ++k) wrong += run(shared, sets[(i + static_cast<std::size_t>(k)) % 3]) != alone[(i + static_cast<std::size_t>(k)) % 3];
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  // What an adapter does not replace it shares: it holds one packed weight of its own.
  EXPECT_GT(one->bytes().shared_bytes, 0u);
  EXPECT_LT(one->bytes().packed_bytes, template_.params().bytes().packed_bytes + template_.params().bytes().shared_bytes);
}

TEST_F(Params, AnAdapterGivesTheBitsOfATemplateWithItsWeights) {
  const Weights base(0), other(7);
  ASSERT_TRUE(template_.params().replace_all(base.sources()));
  auto adapter = template_.derive_params();
  ASSERT_TRUE(adapter->set("w", other.w.view()));
  const std::vector<float> adapted = run(graph(2), with(*adapter));
  ASSERT_TRUE(template_.params().set("w", other.w.view()));
  EXPECT_EQ(run(graph(2)), adapted);
}

TEST_F(Params, AnAdapterFollowsItsBase) {
  const Weights base(0), other(7), later(11);
  ASSERT_TRUE(template_.params().replace_all(base.sources()));
  auto adapter = template_.derive_params();
  ASSERT_TRUE(adapter->set("w", other.w.view()));
  const auto shared = graph(2);
  const std::vector<float> before = run(shared, with(*adapter));
  ASSERT_TRUE(template_.params().set("v", later.v.view()));
  const std::vector<float> after = run(shared, with(*adapter));
  EXPECT_NE(before, after);
  ASSERT_TRUE(template_.params().set("w", other.w.view()));
  EXPECT_EQ(run(shared), after);
}

TEST_F(Params, AnAdapterMayGiveWhatTheBaseLacks) {
  const Weights weights(0);
  ASSERT_TRUE(template_.params().set("w", weights.w.view()));
  ASSERT_TRUE(template_.params().set("b", weights.b.view()));
  auto adapter = template_.derive_params();
  const auto shared = graph(2);
  const Tensor x = wave({2, 64}, 9);
  expect_error(shared.run({{{"x", x.view()}}}, with(*adapter)), ErrorCode::kUnsetParam, {"1 param", "`v`"});
  EXPECT_EQ(adapter->unset(), std::vector<std::string>{"v"});
  ASSERT_TRUE(adapter->set("v", weights.v.view()));
  const std::vector<float> seen = run(shared, with(*adapter));
  expect_error(shared.run({{{"x", x.view()}}}), ErrorCode::kUnsetParam, {"`v`"});
  ASSERT_TRUE(template_.params().set("v", weights.v.view()));
  EXPECT_EQ(run(shared), seen);
}

TEST_F(Params, PacksGoWithTheLastVariantThatUsesThem) {
  const Weights weights(0);
  ParamSet params = template_.params();
  ASSERT_TRUE(params.replace_all(weights.sources()));
  {
    const auto one = graph(2), two = graph(3);
    run(one), run(two);
    const rlx::ParamBytes used = params.bytes();
    EXPECT_EQ(used.pack_count, 2u);
    EXPECT_EQ(used.packed_bytes, 2u * 64 * 64 * sizeof(float));
    pipeline_->clear();
    run(one);
    EXPECT_EQ(params.bytes().packed_bytes, used.packed_bytes) << "in use";
  }
  EXPECT_EQ(params.bytes().pack_count, 0u);
  EXPECT_EQ(params.bytes().packed_bytes, 0u);
  EXPECT_EQ(params.bytes().source_bytes, (2u * 64 * 64 + 64) * sizeof(float)) << "the sources stay";
  EXPECT_FALSE(run(graph(2)).empty());
  EXPECT_EQ(params.bytes().pack_count, 2u);
}

TEST_F(Params, AReplacedTensorIsLetGoAtTheNextRunOfAnyVariant) {
  const Weights weights(0);
  ParamSet params = template_.params();
  ASSERT_TRUE(params.replace_all(weights.sources()));
  auto owner = std::make_shared<Tensor>(wave({64, 64}, 3));
  const std::weak_ptr<Tensor> watched = owner;
  ASSERT_TRUE(params.set("w", owner->view(), owner));
  owner.reset();
  const auto idle = graph(1), busy = graph(2);
  run(idle), run(busy);
  const std::uint64_t packed = params.bytes().packed_bytes;
  EXPECT_FALSE(watched.expired());
  ASSERT_TRUE(params.set("w", weights.w.view()));
  run(busy);
  EXPECT_TRUE(watched.expired()) << "a variant that does not run keeps the old weights";
  EXPECT_EQ(params.bytes().packed_bytes, packed);
  run(idle);
  EXPECT_EQ(params.bytes().packed_bytes, packed);
}

TEST_F(Params, EvictedVariantsComeBackWithTheirWeights) {
  const Weights weights(0);
  ASSERT_TRUE(template_.params().replace_all(weights.sources()));
  const std::vector<float> before = run(graph(2));
  pipeline_->clear();
  EXPECT_EQ(run(graph(2)), before);
  EXPECT_TRUE(graph(2).unset_params().empty());
}

TEST_F(Params, MissingExtraAndDoubleNamesAreListedAndNothingChanges) {
  const Weights weights(0), other(5);
  ParamSet params = template_.params();
  ASSERT_TRUE(params.replace_all(weights.sources()));
  const std::vector<float> before = run(graph(1));
  std::vector<rlx::ParamSource> list = other.sources();
  list.push_back({"vv", other.v.view(), nullptr});
  expect_error(params.set_all(list), ErrorCode::kUnknownName, {"`vv`", "did you mean `v`"});
  list.push_back({"weight", other.v.view(), nullptr});
  expect_error(params.set_all(list), ErrorCode::kUnknownName, {"2 names", "`vv`", "`weight`"});
  list = {other.sources()[0]};
  expect_error(params.replace_all(list), ErrorCode::kUnsetParam, {"2 params", "`b`", "`v`"});
  list.push_back(other.sources()[0]);
  expect_error(params.set_all(list), ErrorCode::kDuplicateName, {"`w`"});
  list = {other.sources()[0], {"b", other.v.view(), nullptr}};
  expect_error(params.set_all(list), ErrorCode::kWrongShape, {"`b`", "[64, 64]", "[64]"});
  expect_error(params.set("b", Tensor(DType::kF64, {64}).view()), ErrorCode::kWrongDtype, {"`b`", "f64", "f32"});
  EXPECT_EQ(run(graph(1)), before);
}

TEST_F(Params, ASetOfAnotherTemplateIsRefused) {
  const Weights weights(0);
  ASSERT_TRUE(template_.params().replace_all(weights.sources()));
  const auto other = pipeline_->build_template("linear", linear_model());
  const Tensor x = wave({1, 64}, 9);
  expect_error(graph(1).run({{{"x", x.view()}}}, with(other->params())), ErrorCode::kInvalidArgument, {"`two`"});
  ParamSet empty;
  expect_error(empty.set("w", weights.w.view()), ErrorCode::kInvalidArgument, {"empty"});
  EXPECT_FALSE(empty.derive());
}

std::uint64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t total = 0, resident = 0;
  file >> total >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

/// A table that only gather reads is neither packed nor copied: of 256 MiB mapped from a sparse file few pages come in.
TEST(ParamsOfMappedFiles, ATableThatNothingPacksIsNeverCopied) {
  constexpr std::int64_t kRows = 1 << 20;
  constexpr std::size_t kBytes = std::size_t{kRows} * 64 * sizeof(float);
  char path[] = "/tmp/rlx_params_XXXXXX";
  const int file = ::mkstemp(path);
  ASSERT_GE(file, 0);
  ::unlink(path);
  ASSERT_EQ(::ftruncate(file, kBytes), 0);
  void* const mapped = ::mmap(nullptr, kBytes, PROT_READ, MAP_SHARED, file, 0);
  ::close(file);
  ASSERT_NE(mapped, MAP_FAILED);
  const std::shared_ptr<const void> keepalive(mapped, [](const void* at) { ::munmap(const_cast<void*>(at), kBytes); });
  {
    rlx::ModelBuilder builder("table");
    const auto ids = builder.input("ids", DType::kI64, {"n"});
    builder.set_output("rows", builder.gather(builder.param("table", DType::kF32, {kRows, 64}), ids));
    auto pipeline = rlx::ModelCompilePipeline::create(open_device());
    auto made = pipeline->build_template("table", *builder.finish());
    const std::uint64_t before = resident_bytes();
    ASSERT_TRUE(made->params().set("table", {DType::kF32, {kRows, 64}, mapped, kBytes}, keepalive));
    for (const std::int64_t n : {1, 2, 3}) {
      const auto graph = pipeline->get_or_compile(*made, {{"n", n}});
      Tensor ids_value(DType::kI64, {n});
      ids_value.i64()[0] = kRows / 2;
      const auto rows = graph->run({{{"ids", ids_value.view()}}});
      ASSERT_TRUE(rows) << rows.error().to_string();
    }
    EXPECT_LT(resident_bytes(), before + (kBytes >> 3));
    EXPECT_EQ(made->params().bytes().packed_bytes, 0u);
    EXPECT_EQ(made->params().bytes().source_bytes, kBytes);
    EXPECT_GT(keepalive.use_count(), 1);
  }
  EXPECT_EQ(keepalive.use_count(), 1) << "the mapping is let go with its template";
}

}  // namespace
