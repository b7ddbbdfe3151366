// SPDX-License-Identifier: Apache-2.0
// Sizes are odd and small: whole vectors and a tail in every row, and values between ops, so that there is an arena.
#include "tools/conform/numeric/scenes.h"

#include <rlx/ops.h>

#include "runtime/base/check.h"
#include "runtime/ir/lir/lives.h"
#include "tools/conform/numeric/op_cases.h"
#include "tools/conform/shared/far.h"
#include "tools/conform/shared/scenes.h"

namespace rlx::conform {
namespace {

using Ids = std::vector<std::uint32_t>;
constexpr DType kF = DType::kF32;

Attributes fn(std::uint32_t number) { return {{RLX_ATTR_FN, Dim(number)}}; }
void add(ImageBuilder& b, std::uint32_t x, std::uint32_t y, std::uint32_t z) { b.op(RLX_OP_BINARY, {x, y}, {z}, fn(RLX_BINARY_ADD)); }
void mul(ImageBuilder& b, std::uint32_t x, std::uint32_t y, std::uint32_t z) { b.op(RLX_OP_BINARY, {x, y}, {z}, fn(RLX_BINARY_MUL)); }

/// An op of the main graph; a composite with the region that it is.
void append(ImageBuilder& b, std::uint32_t opcode, Ids operands, Ids results, Attributes attributes) {
  Ids regions;
  const OpInfo* info = op_info(opcode);
  if (info && info->composite) {
    std::vector<Shape> shapes;
    for (const std::uint32_t id : operands) shapes.push_back(b.shape(id));
    const auto region = add_expansion(b, opcode, shapes, attributes, results.size());
    RLX_CHECK(region.has_value(), "a scene's composite has no expansion");
    regions.push_back(*region);
  }
  b.op(opcode, std::move(operands), std::move(results), std::move(attributes), std::move(regions));
}

ImageBuilder pair_sum(DType dtype, const Dims& dims, const Dims& second) {
  ImageBuilder b;
  const auto x = b.input("a", dtype, dims), y = b.input("b", dtype, second);
  add(b, x, y, b.output("y", dtype, dims));
  return b;
}

/// One op on one input, of f32 unless said.
ImageBuilder one(std::uint32_t opcode, const Dims& in, const Dims& out, Attributes attributes, DType from = kF, DType to = kF) {
  ImageBuilder b;
  const auto x = b.input("x", from, in);
  append(b, opcode, {x}, {b.output("y", to, out)}, std::move(attributes));
  return b;
}

ImageBuilder chain() {
  ImageBuilder b;
  const Dims dims = {5, 7};
  const auto x = b.input("a", kF, dims), y = b.input("b", kF, dims);
  const auto t = b.temp(kF, dims), u = b.temp(kF, dims), v = b.temp(kF, dims);
  add(b, x, y, t);
  mul(b, t, y, u);
  add(b, u, t, v);
  add(b, v, x, b.output("y", kF, dims));
  return b;
}

/// A slice with an offset, a transpose, a reversal and a repeated row, of an input, a param and a value between.
ImageBuilder views() {
  ImageBuilder b;
  const auto x = b.input("x", kF, {6, 7}), w = b.param("w", kF, {3, 9}, 0);
  const auto t = b.temp(kF, {7, 3}), u = b.temp(kF, {7, 3});
  const auto part = b.view(x, {7, 3}, {1, 7}, 2 * 7 * 4);
  add(b, part, b.view(w, {7, 3}, {-1, 9}, 8 * 4), t);
  mul(b, b.view(t, {7, 3}, {-3, -1}, 20 * 4), b.view(x, {7, 3}, {0, 1}, 3 * 4), u);
  add(b, b.view(u, {6, 3}, {3, 1}, 3 * 4), b.view(t, {6, 3}, {3, 1}), b.output("y", kF, {6, 3}));
  return b;
}

/// Two chains that know nothing of each other. The second to be made runs first: a plan may give both the same bytes.
ImageBuilder reversed_ids() {
  ImageBuilder b;
  const Dims dims = {5, 7};
  const auto x = b.input("a", kF, dims), y = b.input("b", kF, dims);
  const auto t = b.temp(kF, dims), u = b.temp(kF, dims);
  const auto first = b.output("first", kF, dims), second = b.output("second", kF, dims);
  mul(b, x, y, u);
  add(b, u, y, second);
  add(b, x, y, t);
  mul(b, t, y, first);
  return b;
}

ImageBuilder choose() {
  ImageBuilder b;
  const Dims dims = {5, 7};
  const auto x = b.input("a", kF, dims), y = b.input("b", kF, dims), less = b.temp(DType::kBool, dims);
  b.op(RLX_OP_COMPARE, {x, y}, {less}, fn(RLX_COMPARE_LT));
  b.op(RLX_OP_SELECT, {less, x, y}, {b.output("y", kF, dims)});
  return b;
}

ImageBuilder concat() {
  ImageBuilder b;
  const auto x = b.input("a", kF, {3, 5}), y = b.input("b", kF, {3, 2});
  b.op(RLX_OP_CONCAT, {x, y}, {b.output("y", kF, {3, 7})}, {{RLX_ATTR_AXIS, Dim(1)}});
  return b;
}

ImageBuilder pad() {
  ImageBuilder b;
  const auto x = b.input("x", kF, {3, 5}), value = b.input("value", kF, {});
  b.op(RLX_OP_PAD, {x, value}, {b.output("y", kF, {4, 9})},
       {{RLX_ATTR_LOW, Dims{1, 2}}, {RLX_ATTR_HIGH, Dims{0, 2}}, {RLX_ATTR_INTERIOR, Dims{0, 0}}, {RLX_ATTR_MODE, Dim(RLX_PAD_CONST)}});
  return b;
}

Attributes indexed(Attributes attributes) {
  attributes[RLX_ATTR_INDEX_POLICY] = Dim(1);
  attributes[RLX_ATTR_NEGATIVE_INDICES] = Dim(0);
  return attributes;
}

ImageBuilder gather() {
  ImageBuilder b;
  const auto data = b.param("data", kF, {16, 3}, 0), index = b.input("idx", DType::kI64, {5});
  b.op(RLX_OP_GATHER, {data, index}, {b.output("y", kF, {5, 3})}, indexed({{RLX_ATTR_AXIS, Dim(0)}, {RLX_ATTR_BATCH_DIMS, Dim(0)}}));
  return b;
}

ImageBuilder gather_elements() {
  ImageBuilder b;
  const auto data = b.input("data", kF, {16, 3}), index = b.input("idx", DType::kI64, {5, 3});
  b.op(RLX_OP_GATHER_ELEMENTS, {data, index}, {b.output("y", kF, {5, 3})}, indexed({{RLX_ATTR_AXIS, Dim(0)}}));
  return b;
}

ImageBuilder scatter_elements() {
  ImageBuilder b;
  const auto x = b.input("x", kF, {16, 3}), index = b.input("idx", DType::kI64, {5, 3}), u = b.input("u", kF, {5, 3});
  b.op(RLX_OP_SCATTER_ELEMENTS, {x, index, u}, {b.output("y", kF, {16, 3})},
       indexed({{RLX_ATTR_AXIS, Dim(0)}, {RLX_ATTR_REDUCE, Dim(0)}}));
  return b;
}

ImageBuilder dynamic_slice() {
  ImageBuilder b;
  const auto x = b.input("x", kF, {9, 5}), start = b.input("start", DType::kI64, {2});
  b.op(RLX_OP_DYNAMIC_SLICE, {x, start}, {b.output("y", kF, {4, 3})}, {{RLX_ATTR_SIZES, Dims{4, 3}}, {RLX_ATTR_INDEX_POLICY, Dim(1)}});
  return b;
}

ImageBuilder update_slice() {
  ImageBuilder b;
  const auto x = b.input("x", kF, {9, 5}), u = b.input("u", kF, {2, 3}), start = b.input("start", DType::kI64, {2});
  b.op(RLX_OP_DYNAMIC_UPDATE_SLICE, {x, u, start}, {b.output("y", kF, {9, 5})}, {{RLX_ATTR_INDEX_POLICY, Dim(1)}});
  return b;
}

/// Sums into a value between and into an output.
ImageBuilder reduce() {
  ImageBuilder b;
  const auto x = b.input("x", kF, {5, 7}), t = b.temp(kF, {5, 7}), s = b.temp(kF, {5});
  const auto sum = [&](std::uint32_t from, std::int64_t axis, std::uint32_t to) {
    b.op(RLX_OP_REDUCE, {from}, {to}, {{RLX_ATTR_FN, Dim(RLX_REDUCE_SUM)}, {RLX_ATTR_AXES, Dims{axis}}, {RLX_ATTR_KEEP, Dim(0)}});
  };
  mul(b, x, x, t);
  sum(t, 1, s);
  add(b, s, s, b.output("rows", kF, {5}));
  sum(t, 0, b.output("columns", kF, {7}));
  return b;
}

ImageBuilder top_k() {
  ImageBuilder b;
  const auto x = b.input("x", kF, {5, 9});
  const auto values = b.output("values", kF, {5, 3}), indices = b.output("indices", DType::kI64, {5, 3});
  b.op(RLX_OP_TOP_K, {x}, {values, indices},
       {{RLX_ATTR_K, Dim(3)}, {RLX_ATTR_AXIS, Dim(1)}, {RLX_ATTR_LARGEST, Dim(1)}, {RLX_ATTR_SORTED, Dim(1)}});
  return b;
}

ImageBuilder dot() {
  ImageBuilder b;
  const auto x = b.input("a", kF, {5, 7}), w = b.input("b", kF, {7, 9});
  b.op(RLX_OP_DOT, {x, w}, {b.output("y", kF, {5, 9})},
       {{RLX_ATTR_CONTRACT_A, Dims{1}}, {RLX_ATTR_CONTRACT_B, Dims{0}}, {RLX_ATTR_BATCH_A, Dims{}}, {RLX_ATTR_BATCH_B, Dims{}}});
  return b;
}

ImageBuilder conv() {
  ImageBuilder b;
  const auto x = b.input("x", kF, {1, 2, 7, 5}), w = b.param("w", kF, {3, 2, 3, 3}, 0);
  b.op(RLX_OP_CONV, {x, w}, {b.output("y", kF, {1, 3, 7, 5})}, {{RLX_ATTR_LOW, Dims{1, 1}}, {RLX_ATTR_HIGH, Dims{1, 1}}});
  return b;
}

ImageBuilder rng_bits() {
  ImageBuilder b;
  const auto key = b.input("key", DType::kU32, {2}), counter = b.input("counter", DType::kU32, {4});
  b.op(RLX_OP_RNG_BITS, {key, counter}, {b.output("y", DType::kU32, {11})}, {{RLX_ATTR_DIMS, Dims{11}}});
  return b;
}

ImageBuilder if_else() {
  ImageBuilder b;
  const Dims dims = {3, 5};
  const auto pred = b.input("pred", DType::kBool, {}), x = b.input("x", kF, dims);
  Ids regions;
  for (const std::uint32_t f : {RLX_BINARY_ADD, RLX_BINARY_MUL}) {
    const auto p = b.inner(DType::kBool, {}), v = b.inner(kF, dims), r = b.inner(kF, dims);
    const auto region = b.region({p, v});
    b.op(RLX_OP_BINARY, {v, v}, {r}, fn(f), {}, region);
    b.region_results(region, {r});
    regions.push_back(region);
  }
  b.op(RLX_OP_IF, {pred, x}, {b.output("y", kF, dims)}, {}, regions);
  return b;
}

ImageBuilder linear(std::uint32_t layout, std::uint32_t parts, std::int64_t terms, bool bias) {
  ImageBuilder b;
  const std::int64_t width[] = {9, 17};
  Ids operands = {b.input("x", kF, {5, terms})}, results;
  for (std::uint32_t p = 0; p < parts; ++p)
    operands.push_back(b.param("w" + std::to_string(p), kF, layout == RLX_W_LAYOUT_KN ? Dims{terms, width[p]} : Dims{width[p], terms}, p));
  for (std::uint32_t p = 0; p < parts; ++p) {
    if (bias) operands.push_back(b.param("b" + std::to_string(p), kF, {width[p]}, parts + p));
    results.push_back(b.output("y" + std::to_string(p), kF, {5, width[p]}));
  }
  append(b, RLX_OP_LINEAR, operands, results, {{RLX_ATTR_PARTS, Dim(parts)}, {RLX_ATTR_W_LAYOUT, Dim(layout)}, {RLX_ATTR_HAS_BIAS, Dim(bias)}});
  return b;
}

ImageBuilder norm(std::uint32_t opcode) {
  ImageBuilder b;
  const auto x = b.input("x", kF, {5, 9}), gamma = b.param("gamma", kF, {9}, 0);
  Ids operands = {x, gamma};
  if (opcode == RLX_OP_LAYER_NORM) operands.push_back(b.param("beta", kF, {9}, 1));
  append(b, opcode, operands, {b.output("y", kF, {5, 9})}, {{RLX_ATTR_AXIS, Dim(1)}, {RLX_ATTR_EPS, 1e-5}});
  return b;
}

ImageBuilder attention() {
  ImageBuilder b;
  const auto q = b.input("q", kF, {2, 2, 3, 5}), k = b.input("k", kF, {2, 1, 11, 5}), v = b.input("v", kF, {2, 1, 11, 7});
  const auto lengths = b.input("lengths", DType::kI64, {2});
  append(b, RLX_OP_ATTENTION, {q, k, v, lengths}, {b.output("y", kF, {2, 2, 3, 7})},
       {{RLX_ATTR_SCALE, 0.25}, {RLX_ATTR_MASK_KIND, Dim(RLX_MASK_LENGTHS)}});
  return b;
}

ImageBuilder gated_act() {
  ImageBuilder b;
  const auto x = b.input("a", kF, {5, 7}), y = b.input("b", kF, {5, 7});
  append(b, RLX_OP_GATED_ACT, {x, y}, {b.output("y", kF, {5, 7})}, {{RLX_ATTR_ACT, Dim(RLX_ACT_SILU)}});
  return b;
}

ImageBuilder elementwise() {
  ImageBuilder b;
  const Dims dims = {5, 7};
  const auto x = b.input("a", kF, dims), y = b.input("b", kF, dims);
  const auto px = b.inner(kF, dims), py = b.inner(kF, dims), s = b.inner(kF, dims), p = b.inner(kF, dims);
  const auto region = b.region({px, py});
  b.op(RLX_OP_BINARY, {px, py}, {s}, fn(RLX_BINARY_ADD), {}, region);
  b.op(RLX_OP_BINARY, {s, py}, {p}, fn(RLX_BINARY_MUL), {}, region);
  b.region_results(region, {p});
  b.op(RLX_OP_ELEMENTWISE, {x, y}, {b.output("y", kF, dims)}, {}, {region});
  return b;
}

const Attributes kWindow = {{RLX_ATTR_WINDOW, Dims{3, 2}}, {RLX_ATTR_STRIDES, Dims{2, 1}}, {RLX_ATTR_LOW, Dims{1, 0}}, {RLX_ATTR_HIGH, Dims{1, 0}}};
Attributes window(std::uint32_t key, std::uint32_t value) {
  Attributes attributes = kWindow;
  attributes[key] = Dim(value);
  return attributes;
}
Attributes with_axis(std::uint32_t number) {
  return {{RLX_ATTR_FN, Dim(number)}, {RLX_ATTR_AXIS, Dim(1)}};
}

std::uint64_t bytes_of(const lir::Value& value) {
  std::uint64_t bytes = dtype_bytes(value.dtype);
  for (const Dim& dim : value.dims) bytes *= static_cast<std::uint64_t>(dim.number());
  return bytes;
}

}  // namespace

std::vector<std::pair<std::string, ImageBuilder>> scene_builders() {
  return {
      {"add", pair_sum(kF, {5, 7}, {5, 7})},
      {"chain", chain()},
      {"repeat_row", pair_sum(kF, {5, 7}, {1, 7})},
      {"repeat_one", pair_sum(kF, {5, 7}, {1, 1})},
      {"views", views()},
      {"reversed_ids", reversed_ids()},
      {"add_i64", pair_sum(DType::kI64, {3, 5}, {3, 5})},
      {"add_f16", pair_sum(DType::kF16, {3, 5}, {3, 5})},
      {"copy_i8", one(RLX_OP_COPY, {3, 11}, {3, 11}, {}, DType::kI8, DType::kI8)},
      {"exp", one(RLX_OP_UNARY, {5, 7}, {5, 7}, fn(RLX_UNARY_EXP))},
      {"neg_i32", one(RLX_OP_UNARY, {5, 7}, {5, 7}, fn(RLX_UNARY_NEG), DType::kI32, DType::kI32)},
      {"choose", choose()},
      {"cast", one(RLX_OP_CAST, {5, 7}, {5, 7}, {{RLX_ATTR_TO, DType::kI16}, {RLX_ATTR_ROUND, Dim(0)}, {RLX_ATTR_OVERFLOW, Dim(0)}}, kF, DType::kI16)},
      {"iota", [] {
         ImageBuilder b;
         b.op(RLX_OP_IOTA, {}, {b.output("y", DType::kI32, {3, 5})}, {{RLX_ATTR_AXIS, Dim(1)}, {RLX_ATTR_DIMS, Dims{3, 5}}, {RLX_ATTR_TO, DType::kI32}});
         return b;
       }()},
      {"concat", concat()},
      {"pad", pad()},
      {"gather", gather()},
      {"gather_elements", gather_elements()},
      {"scatter_elements", scatter_elements()},
      {"dynamic_slice", dynamic_slice()},
      {"update_slice", update_slice()},
      {"reduce", reduce()},
      {"reduce_max", one(RLX_OP_REDUCE, {5, 9}, {5}, {{RLX_ATTR_FN, Dim(RLX_REDUCE_MAX)}, {RLX_ATTR_AXES, Dims{1}}, {RLX_ATTR_KEEP, Dim(0)}})},
      {"arg_reduce", one(RLX_OP_ARG_REDUCE, {5, 9}, {5}, {{RLX_ATTR_FN, Dim(RLX_REDUCE_MAX)}, {RLX_ATTR_AXIS, Dim(1)}, {RLX_ATTR_KEEP, Dim(0)}, {RLX_ATTR_TIE, Dim(0)}}, kF, DType::kI64)},
      {"cumulate", one(RLX_OP_CUMULATE, {5, 9}, {5, 9}, with_axis(RLX_REDUCE_SUM))},
      {"top_k", top_k()},
      {"dot", dot()},
      {"conv", conv()},
      {"reduce_window", one(RLX_OP_REDUCE_WINDOW, {1, 2, 7, 5}, {1, 2, 4, 4}, window(RLX_ATTR_FN, RLX_REDUCE_MAX))},
      {"rng_bits", rng_bits()},
      {"if", if_else()},
      {"linear", linear(RLX_W_LAYOUT_KN, 1, 7, true)},
      {"linear_nk", linear(RLX_W_LAYOUT_NK, 1, 7, false)},
      {"linear_parts", linear(RLX_W_LAYOUT_KN, 2, 7, true)},
      {"linear_no_terms", linear(RLX_W_LAYOUT_KN, 1, 0, true)},
      {"relu", one(RLX_OP_ACT, {5, 7}, {5, 7}, fn(RLX_ACT_RELU))},
      {"softmax", one(RLX_OP_SOFTMAX, {5, 9}, {5, 9}, {{RLX_ATTR_AXIS, Dim(1)}})},
      {"layer_norm", norm(RLX_OP_LAYER_NORM)},
      {"rms_norm", norm(RLX_OP_RMS_NORM)},
      {"attention", attention()},
      {"gated_act", gated_act()},
      {"avg_pool", one(RLX_OP_AVG_POOL, {1, 2, 7, 5}, {1, 2, 4, 4}, window(RLX_ATTR_COUNT_INCLUDE_PAD, 0))},
      {"elementwise", elementwise()},
  };
}

namespace {
/// 35 terms, so that another order of summing shows.
ImageBuilder rows_of(std::uint32_t opcode, std::int64_t rows) {
  constexpr std::int64_t kTerms = 35;
  ImageBuilder b;
  const auto x = b.input("x", kF, {rows, kTerms});
  if (opcode == RLX_OP_LINEAR) {
    const auto w = b.param("w", kF, {kTerms, 19}, 0);
    append(b, opcode, {x, w}, {b.output("y", kF, {rows, 19})},
         {{RLX_ATTR_PARTS, Dim(1)}, {RLX_ATTR_W_LAYOUT, Dim(RLX_W_LAYOUT_KN)}, {RLX_ATTR_HAS_BIAS, Dim(0)}});
  } else if (opcode == RLX_OP_DOT) {
    const auto w = b.param("w", kF, {kTerms, 19}, 0);
    append(b, opcode, {x, w}, {b.output("y", kF, {rows, 19})},
         {{RLX_ATTR_CONTRACT_A, Dims{1}}, {RLX_ATTR_CONTRACT_B, Dims{0}}, {RLX_ATTR_BATCH_A, Dims{}}, {RLX_ATTR_BATCH_B, Dims{}}});
  } else if (opcode == RLX_OP_REDUCE) {
    append(b, opcode, {x}, {b.output("y", kF, {rows})}, {{RLX_ATTR_FN, Dim(RLX_REDUCE_SUM)}, {RLX_ATTR_AXES, Dims{1}}, {RLX_ATTR_KEEP, Dim(0)}});
  } else if (opcode == RLX_OP_ACT) {
    append(b, opcode, {x}, {b.output("y", kF, {rows, kTerms})}, fn(RLX_ACT_GELU_ERF));
  } else if (opcode == RLX_OP_SOFTMAX) {
    append(b, opcode, {x}, {b.output("y", kF, {rows, kTerms})}, {{RLX_ATTR_AXIS, Dim(1)}});
  } else {
    Ids operands = {x, b.param("gamma", kF, {kTerms}, 0)};
    if (opcode == RLX_OP_LAYER_NORM) operands.push_back(b.param("beta", kF, {kTerms}, 1));
    append(b, opcode, operands, {b.output("y", kF, {rows, kTerms})}, {{RLX_ATTR_AXIS, Dim(1)}, {RLX_ATTR_EPS, 1e-5}});
  }
  return b;
}
}  // namespace

namespace {
/// Eight rows out of 256 MiB.
ImageBuilder large_input() {
  ImageBuilder b;
  const auto data = b.input("data", kF, {1 << 16, 1024}), index = b.input("idx", DType::kI64, {8});
  b.op(RLX_OP_GATHER, {data, index}, {b.output("y", kF, {8, 1024})}, indexed({{RLX_ATTR_AXIS, Dim(0)}, {RLX_ATTR_BATCH_DIMS, Dim(0)}}));
  return b;
}

/// Three short rows of a long tensor.
ImageBuilder far() {
  ImageBuilder b;
  const auto x = b.input("x", DType::kU8, {kFarBytes});
  b.op(RLX_OP_COPY, {b.view(x, {kFarRows, kFarColumns}, {kFarStride, 1})}, {b.output("y", DType::kU8, {kFarRows, kFarColumns})});
  return b;
}
}  // namespace

std::vector<std::pair<std::string, ImageBuilder>> other_scene_builders() {
  std::vector<std::pair<std::string, ImageBuilder>> out;
  ImageBuilder state;
  const Dims dims = {5, 7};
  const auto kept = state.input("kept", kF, dims), u = state.input("u", kF, dims);
  const auto after = state.output("kept", kF, dims), twice = state.output("twice", kF, dims);
  state.state(0, 0);
  add(state, kept, u, after);
  add(state, after, after, twice);
  out.emplace_back("state", state);
  out.emplace_back("large-input", large_input());
  out.emplace_back("far", far());
  for (const RowSceneInfo& scene : row_scenes())
    for (const std::int64_t rows : kRowCounts) out.emplace_back(scene.name + (".rows" + std::to_string(rows)), rows_of(scene.opcode, rows));
  return out;
}

std::vector<std::pair<std::string, lir::Module>> planned_variants(const ImageBuilder& builder) {
  std::vector<std::pair<std::string, lir::Module>> out;
  const lir::Module tight = builder.module(true);
  const std::vector<lir::Life> lives = lir::lives_of(tight);
  const auto variant = [&](const char* name, std::uint32_t alignment, bool backwards, bool apart) {
    lir::Module module = tight;
    lir::Plan& plan = *module.plan;
    plan.arenas.clear();
    std::uint64_t top = backwards ? alignment : 0;  // a gap below the first
    for (std::size_t i = 0; i < lives.size(); ++i) {
      const std::uint32_t value = lives[backwards ? lives.size() - 1 - i : i].value;
      const std::uint64_t bytes = bytes_of(module.values[value]);
      if (apart) {
        plan.places[value] = {static_cast<std::uint32_t>(plan.arenas.size()), 0};
        plan.arenas.push_back({bytes, alignment, 0});
      } else {
        plan.places[value] = {0, top};
        top += (bytes + alignment - 1) / alignment * alignment;
      }
    }
    if (plan.arenas.empty()) plan.arenas.push_back({top, alignment, 0});
    out.emplace_back(name, std::move(module));
  };
  variant("loose", 64, false, false);
  variant("backwards", 64, true, false);
  variant("elements", 8, false, false);
  variant("apart", 64, false, true);
  lir::Module unplanned = tight;
  unplanned.plan.reset();
  out.emplace_back("none", std::move(unplanned));
  return out;
}

}  // namespace rlx::conform
