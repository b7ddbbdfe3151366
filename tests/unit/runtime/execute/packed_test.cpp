// SPDX-License-Identifier: Apache-2.0
// Packed rows: an encoder in packed form gives every sequence what it gives it alone, bit for bit, and what the float64
// reference says.
#include <rlx/host/packed.hpp>

#include <cmath>
#include <memory>
#include <random>

#include "support.h"

namespace {

using namespace rlx_test;
using rlx::Activation;
using rlx::DType;
using rlx::ErrorCode;
using rlx::Handle;
using rlx::Tensor;

constexpr std::int64_t kVocab = 50, kPositions = 80, kHeads = 3, kWidth = 8, kHidden = kHeads * kWidth;

/// A small BERT over packed rows: per-row outputs, the mean of each sequence and its first row.
rlx::Model packed_encoder(DType offsets_dtype = DType::kI64) {
  std::mt19937 random(5);
  std::vector<rlx::ParamSource> weights;
  rlx::ModelBuilder b("packed_encoder");
  b.symbol("rows", 0, 1 << 20);
  b.symbol("sequences", 0, 1 << 20);
  const auto param = [&](const std::string& name, std::vector<std::int64_t> dims) {
    auto tensor = std::make_shared<Tensor>(DType::kF32, dims);
    std::normal_distribution<float> normal(0, 1.0f / std::sqrt(static_cast<float>(dims.size() == 2 ? dims[0] : 9)));
    for (float& value : tensor->f32()) value = normal(random);
    weights.push_back({name, tensor->view(), tensor});
    return b.param(name, DType::kF32, dims);
  };
  const auto norm = [&](Handle x, const std::string& name) {
    return b.layer_norm(x, param(name + ".g", {kHidden}), param(name + ".b", {kHidden}), 1e-12);
  };
  const auto dense = [&](Handle x, const std::string& name, std::int64_t in, std::int64_t out, Activation act = Activation::kNone) {
    return b.linear(x, param(name, {in, out}), param(name + ".bias", {out}), act);
  };
  const auto heads = [&](Handle x) { return b.transpose(b.reshape(x, {1, "rows", kHeads, kWidth}), {0, 2, 1, 3}); };
  const Handle ids = b.input("ids", DType::kI64, {"rows"}), positions = b.input("positions", DType::kI64, {"rows"});
  const Handle offsets = b.input("seq_offsets", offsets_dtype, {"sequences+1"});
  Handle x = norm(b.add(b.gather(param("words", {kVocab, kHidden}), ids), b.gather(param("places", {kPositions, kHidden}), positions)), "embed");
  rlx::AttentionOptions options;
  options.mask_kind = rlx::MaskKind::kSeqOffsets;
  for (int layer = 0; layer < 2; ++layer) {
    const std::string at = "layer" + std::to_string(layer) + ".";
    const Handle seen = b.attention(heads(dense(x, at + "q", kHidden, kHidden)), heads(dense(x, at + "k", kHidden, kHidden)),
                                    heads(dense(x, at + "v", kHidden, kHidden)), offsets, options);
    const Handle mixed = dense(b.reshape(b.transpose(seen, {0, 2, 1, 3}), {"rows", kHidden}), at + "o", kHidden, kHidden);
    const Handle y = norm(b.add(mixed, x), at + "n1");
    const Handle up = dense(y, at + "up", kHidden, 4 * kHidden, Activation::kGeluErf);
    x = norm(b.add(dense(up, at + "down", 4 * kHidden, kHidden), y), at + "n2");
  }
  b.set_output("hidden", x);
  b.set_output("pooled", b.segment_mean(x, offsets));
  b.set_output("largest", b.segment_reduce(RLX_REDUCE_MAX, x, offsets));
  auto model = b.finish(weights);
  EXPECT_TRUE(model) << model.error().to_string();
  return model ? *model : rlx::Model();
}

/// The inputs of sequences of these lengths.
struct Text {
  std::vector<Tensor> tensors;
  std::vector<std::vector<rlx::NamedView>> sequences;
  Text(const std::vector<std::int64_t>& lengths, std::uint32_t seed = 1) {
    std::mt19937 random(seed);
    for (const std::int64_t length : lengths) {
      Tensor ids(DType::kI64, {length}), positions(DType::kI64, {length});
      for (std::int64_t i = 0; i < length; ++i) {
        ids.i64()[static_cast<std::size_t>(i)] = static_cast<std::int64_t>(random() % kVocab);
        positions.i64()[static_cast<std::size_t>(i)] = i;
      }
      sequences.push_back({{"positions", positions.view()}, {"ids", ids.view()}});
      tensors.push_back(ids);
      tensors.push_back(positions);
    }
  }
};

struct Fixture {
  rlx::ModelCompilePipeline pipeline;
  rlx::Template from;
  explicit Fixture(const rlx::Model& model, const rlx::Device& device = open_device(), const rlx::CompileOptions& options = {})
      : pipeline(*rlx::ModelCompilePipeline::create(device)), from(*pipeline.build_template("encoder", model, options)) {}
  auto run(const Text& text) { return rlx::run_packed(pipeline, from, text.sequences); }
};

TEST(RunPacked, EverySequenceIsAsIfAlone) {
  Fixture f(packed_encoder());
  const std::vector<std::int64_t> lengths = {7, 1, 33, 2, 64, 19, 5, 16, 17, 80};
  const Text text(lengths);
  const auto together = f.run(text);
  ASSERT_TRUE(together) << together.error().to_string();
  ASSERT_EQ(together->size(), lengths.size());
  for (std::size_t n = 0; n < lengths.size(); ++n) {
    const auto alone = rlx::run_packed(f.pipeline, f.from, std::span(text.sequences).subspan(n, 1));
    ASSERT_TRUE(alone) << alone.error().to_string();
    ASSERT_EQ((*together)[n].size(), 3u);
    EXPECT_EQ((*together)[n][0].tensor.dims(), (std::vector<std::int64_t>{lengths[n], kHidden}));
    EXPECT_EQ((*together)[n][1].tensor.dims(), (std::vector<std::int64_t>{kHidden}));
    for (std::size_t i = 0; i < 3; ++i) {
      const auto seen = (*together)[n][i].tensor.f32(), wanted = alone->front()[i].tensor.f32();
      EXPECT_TRUE(std::equal(seen.begin(), seen.end(), wanted.begin(), wanted.end()))
          << (*together)[n][i].name << " of sequence " << n << " of length " << lengths[n];
    }
  }
}

TEST(RunPacked, IsWhatTheReferenceSays) {
  const Text text({5, 1, 12, 3});
  const rlx::Model model = packed_encoder(DType::kI32);
  Fixture cpu(model);
  const auto seen = cpu.run(text);
  ASSERT_TRUE(seen) << seen.error().to_string();
  rlx::RuntimeOptions options;
  options.plugin_paths = {RLX_REFERENCE_PLUGIN};
  options.only_plugin_paths = true;
  auto runtime = rlx::Runtime::discover(options);
  const auto device = runtime->device();
  ASSERT_TRUE(device) << device.error().to_string();
  rlx::CompileOptions bound;
  bound.backend = {{"emit", "bound"}};
  Fixture values(model, *device), bounds(model, *device, bound);
  const auto wanted = values.run(text), room = bounds.run(text);
  ASSERT_TRUE(wanted) << wanted.error().to_string();
  ASSERT_TRUE(room) << room.error().to_string();
  for (std::size_t n = 0; n < seen->size(); ++n)
    for (std::size_t i = 0; i < 3; ++i)
      for (std::size_t k = 0; k < (*seen)[n][i].tensor.f32().size(); ++k) {
        const float limit = (*room)[n][i].tensor.f32()[k];
        ASSERT_LT(limit, 0.05);
        ASSERT_LE(std::fabs((*seen)[n][i].tensor.f32()[k] - (*wanted)[n][i].tensor.f32()[k]), limit) << n << " " << i << " " << k;
      }
}

TEST(RunPacked, SequencesMayBeEmptyAndSoMayTheCall) {
  Fixture f(packed_encoder());
  const auto some = f.run(Text({3, 0, 2}));
  ASSERT_TRUE(some) << some.error().to_string();
  EXPECT_EQ((*some)[1][0].tensor.dims(), (std::vector<std::int64_t>{0, kHidden}));
  for (const float value : (*some)[1][1].tensor.f32()) EXPECT_EQ(value, 0);
  const auto rest = f.run(Text({3}));
  ASSERT_TRUE(rest);
  EXPECT_EQ((*some)[0][1].tensor.f32()[0], rest->front()[1].tensor.f32()[0]);
  const auto empty = f.run(Text({0}));
  ASSERT_TRUE(empty) << empty.error().to_string();
  EXPECT_EQ(empty->front()[1].tensor.dims(), (std::vector<std::int64_t>{kHidden}));
  const auto none = f.run(Text({}));
  ASSERT_TRUE(none) << none.error().to_string();
  EXPECT_TRUE(none->empty());
}

TEST(RunPacked, NamesWhatIsWrongAndWithWhichSequence) {
  Fixture f(packed_encoder());
  const Text text({3, 4});
  const auto with = [&](auto change) {
    auto sequences = text.sequences;
    change(sequences[1]);
    return rlx::run_packed(f.pipeline, f.from, sequences);
  };
  using S = std::vector<rlx::NamedView>;
  const auto floats = Tensor::of({4}, std::vector<float>(4)), wide = Tensor::of({4, 1}, std::vector<std::int64_t>(4));
  expect_error(with([](S& s) { s.pop_back(); }), ErrorCode::kMissingInput, {"sequence 1", "`ids`"});
  expect_error(with([](S& s) { s[1].name = "id"; }), ErrorCode::kUnknownName, {"sequence 1", "`id`", "ids"});
  expect_error(with([](S& s) { s[1].name = "positions"; }), ErrorCode::kDuplicateName, {"sequence 1", "`positions`"});
  expect_error(with([&](S& s) { s[1].view = floats.view(); }), ErrorCode::kWrongDtype, {"sequence 1", "`ids`", "f32", "i64"});
  expect_error(with([&](S& s) { s[1].view = wide.view(); }), ErrorCode::kWrongShape, {"sequence 1", "`ids`", "[4, 1]"});
  expect_error(with([&](S& s) { s[1].view = text.tensors[0].view(); }), ErrorCode::kSymbolConflict, {"sequence 1", "ids", "3", "4"});
  expect_error(with([&](S& s) { s[1].view.bytes = 8; }), ErrorCode::kWrongSize, {"sequence 1", "`ids`", "8", "32"});
  Fixture plain(linear_model());
  expect_error(plain.run(text), ErrorCode::kInvalidArgument, {"packed form", "seq_offsets"});
  expect_error(rlx::run_packed(plain.pipeline, plain.from, text.sequences, "x"), ErrorCode::kInvalidArgument, {"packed form", "`x`"});
}

}  // namespace
