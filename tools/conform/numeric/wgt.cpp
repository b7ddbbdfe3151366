// SPDX-License-Identifier: Apache-2.0
// WGT-07: weights that reach their op by a recipe: views (reshaped, transposed, cut, reversed, repeated), casts and scales,
// one after the other. A plugin may take them as they come, or pack the result at prepare; either way it is exact here.
#include <rlx/compile.h>
#include <rlx/ops.h>

#include "tools/conform/numeric/groups.h"
#include "tools/conform/numeric/wgt_images.h"

namespace rlx::conform {
namespace {

using Value = std::uint32_t;

constexpr std::int64_t kRows = 5, kK = 24, kN = 20;

/// How w[24, 20] comes from a param: dims of the param, strides and first element of the view (none: the param itself).
struct Recipe {
  const char* name;
  Dims param;
  Dims strides;
  std::int64_t first;
};

const std::vector<Recipe>& recipes() {
  static const std::vector<Recipe> all = {
      {"as-is", {kK, kN}, {}, 0},
      {"transposed", {kN, kK}, {1, kK}, 0},
      {"cut", {30, 33}, {33, 1}, 4 * 33 + 7},
      {"cut-rows", {30, kN}, {kN, 1}, 3 * kN},
      {"cut-transposed", {33, 30}, {1, 30}, 7 * 30 + 4},
      {"transposed-cut", {25, 31}, {1, 31}, 2 * 31 + 5},
      {"reshaped", {kK * kN / 8, 8}, {kN, 1}, 0},
      {"reshaped-cut", {40, 16}, {kN, 1}, 2 * 16 + 3},
      {"every-second", {2 * kK, 2 * kN}, {4 * kN, 2}, 0},
      {"reversed", {kK, kN}, {-kN, -1}, kK * kN - 1},
      {"repeated-rows", {1, kN}, {0, 1}, 0},
      {"of-a-stack", {3, kN, kK}, {1, kK}, 2 * kN * kK},
  };
  return all;
}

constexpr const char* kConsumers[] = {"linear", "linear_nk", "dot", "mul", "scaled", "cast", "scaled-cast"};

std::vector<std::string> recipe_cases(const Facts& facts, int effort) {
  std::vector<std::string> keys;
  const std::uint64_t f32 = RLX_DTYPE_BIT(RLX_DTYPE_F32), both = f32 | RLX_DTYPE_BIT(RLX_DTYPE_BF16);
  for (std::size_t c = 0; c < std::size(kConsumers); ++c) {
    const std::string consumer = kConsumers[c];
    const bool product = consumer != "mul";
    if (product && !claimed(facts, consumer.starts_with("linear") ? RLX_OP_LINEAR : RLX_OP_DOT, f32)) continue;
    if ((!product || consumer.starts_with("scaled")) && !claimed(facts, RLX_OP_BINARY, f32, RLX_BINARY_MUL)) continue;
    if (consumer.ends_with("cast") && !claimed(facts, RLX_OP_CAST, both)) continue;
    for (std::size_t r = 0; r < recipes().size(); ++r)
      if (effort || c == 0 || (r + c) % 3 == 0) keys.push_back(consumer + "/" + recipes()[r].name);
  }
  return keys;
}

/// One op of the chain on w, into new memory.
Value step(ImageBuilder& m, std::uint32_t opcode, std::vector<Value> operands, Attributes attributes) {
  const Value result = m.temp(DType::kF32, {kK, kN});
  m.op(opcode, std::move(operands), {result}, std::move(attributes));
  return result;
}

Result<NumericCase> make_recipe(const std::string& key, std::uint64_t seed, const Facts&) {
  const std::size_t slash = key.find('/');
  const std::string consumer = key.substr(0, slash), name = key.substr(slash + 1);
  const Recipe* recipe = nullptr;
  for (const Recipe& each : recipes())
    if (name == each.name) recipe = &each;
  if (!recipe) return fail(ErrorCode::kInvalidArgument, "no case `", key, "`");
  const bool cast = consumer.ends_with("cast"), scaled = consumer.starts_with("scaled"), mul = consumer == "mul", nk = consumer == "linear_nk";
  const DType stored = cast ? DType::kBF16 : DType::kF32;
  ImageBuilder m;
  const Dims x_dims = mul ? Dims{kK, kN} : Dims{kRows, nk ? kN : kK};
  const Value x = m.input("x", DType::kF32, x_dims);
  const Value y = m.output("y", DType::kF32, mul ? Dims{kK, kN} : Dims{kRows, nk ? kK : kN});
  Value w = m.param("w", stored, recipe->param, 0);
  if (!recipe->strides.empty())
    w = m.view(w, {kK, kN}, recipe->strides, recipe->first * (cast ? 2 : 4));
  if (cast) w = step(m, RLX_OP_CAST, {w}, {{RLX_ATTR_TO, DType::kF32}});
  if (scaled) {
    const float two = 2;
    const Value number = m.constant(DType::kF32, {}, std::string(reinterpret_cast<const char*>(&two), sizeof two));
    w = step(m, RLX_OP_BINARY, {w, m.view(number, {kK, kN}, {0, 0})}, {{RLX_ATTR_FN, Dim(RLX_BINARY_MUL)}});
  }
  if (mul)
    m.op(RLX_OP_BINARY, {x, w}, {y}, {{RLX_ATTR_FN, Dim(RLX_BINARY_MUL)}});
  else if (consumer.starts_with("linear"))
    add_linear(m, x_dims, x, w, {kK, kN}, RLX_NO_INDEX, y, nk ? RLX_W_LAYOUT_NK : RLX_W_LAYOUT_KN, DType::kF32);
  else
    m.op(RLX_OP_DOT, {x, w}, {y}, dot_attributes(0));
  NumericCase made;
  RLX_ASSIGN(const lir::Image image, m.image());
  made.image = bytes_of(image);
  made.compare.most = 0.25;
  Random random(seed);
  std::uint64_t count = 1;
  for (const Dim& dim : recipe->param) count *= static_cast<std::uint64_t>(dim.number());
  made.inputs.push_back(fill_whole(DType::kF32, static_cast<std::uint64_t>(x_dims[0].number() * x_dims[1].number()), random));
  made.params.push_back(fill_whole(stored, count, random));
  return made;
}

constexpr NumericCheck kChecks[] = {
    {"WGT-07", 4, "Weights that come through views, casts and scales, one after the other, are those of the reference.", 100, recipe_cases, make_recipe},
};

}  // namespace

std::span<const NumericCheck> wgt_numeric_checks() { return kChecks; }

}  // namespace rlx::conform
