// SPDX-License-Identifier: Apache-2.0
// DYN: sizes of one skeleton beside one another, extents, numbers that are known only at run time, and state.
#include <rlx/compile.h>
#include <rlx/ops.h>

#include <algorithm>
#include <cstdlib>
#include <functional>

#include "tools/conform/numeric/groups.h"
#include "tools/conform/numeric/image_builder.h"

namespace rlx::conform {
namespace {

constexpr DType kF = DType::kF32;
constexpr std::uint64_t kF32 = RLX_DTYPE_BIT(RLX_DTYPE_F32), kI64 = RLX_DTYPE_BIT(RLX_DTYPE_I64), kBool = RLX_DTYPE_BIT(RLX_DTYPE_BOOL);
constexpr std::int64_t kHuge = std::int64_t{1} << 62;

Attributes fn(std::uint32_t number) { return {{RLX_ATTR_FN, Dim(number)}}; }

std::string whole(std::int64_t number) { return std::string(reinterpret_cast<const char*>(&number), sizeof number); }

std::uint64_t count_of(const Dims& dims) {
  std::uint64_t count = 1;
  for (const Dim& dim : dims) count *= static_cast<std::uint64_t>(dim.number());
  return count;
}

Result<std::string> image_of(const ImageBuilder& builder, std::string* skeleton = nullptr) {
  RLX_ASSIGN(const lir::Image image, builder.image());
  const std::string bytes = bytes_of(image);
  if (skeleton) skeleton->assign(bytes, offsetof(rlx_lir_header, skeleton_hash), sizeof(rlx_hash128));
  return bytes;
}

/// Whole numbers for every input of the image.
std::vector<std::string> whole_inputs(const ImageBuilder& builder, Random& random) {
  std::vector<std::string> out;
  const lir::Module module = builder.module();
  for (const lir::Io& input : module.inputs) {
    const lir::Value& value = module.values[input.value];
    out.push_back(fill_whole(value.dtype, count_of(value.dims), random));
  }
  return out;
}

// ---- DYN-01: sizes ----

struct Sized {
  const char* name;
  std::uint32_t opcodes[2];
  bool quick, exact;
  void (*build)(ImageBuilder& b, std::int64_t n);
  std::vector<Dims> (*params)();  ///< f32 entries of the set
};

std::vector<Dims> no_params() { return {}; }

const Sized kSized[] = {
    {"add", {RLX_OP_BINARY}, true, true,
     [](ImageBuilder& b, std::int64_t n) {
       const auto x = b.input("a", kF, {n, 5}), y = b.input("b", kF, {n, 5});
       b.op(RLX_OP_BINARY, {x, y}, {b.output("y", kF, {n, 5})}, fn(RLX_BINARY_ADD));
     },
     no_params},
    {"chain", {RLX_OP_BINARY, RLX_OP_REDUCE}, true, true,
     [](ImageBuilder& b, std::int64_t n) {
       const auto x = b.input("a", kF, {3, n}), y = b.input("b", kF, {3, n}), t = b.temp(kF, {3, n}), s = b.temp(kF, {3});
       b.op(RLX_OP_BINARY, {x, y}, {t}, fn(RLX_BINARY_MUL));
       b.op(RLX_OP_REDUCE, {t}, {s}, {{RLX_ATTR_FN, Dim(RLX_REDUCE_SUM)}, {RLX_ATTR_AXES, Dims{1}}, {RLX_ATTR_KEEP, Dim(0)}});
       b.op(RLX_OP_BINARY, {s, s}, {b.output("s", kF, {3})}, fn(RLX_BINARY_ADD));
       b.op(RLX_OP_BINARY, {t, x}, {b.output("t", kF, {3, n})}, fn(RLX_BINARY_SUB));
     },
     no_params},
    {"linear", {RLX_OP_LINEAR}, true, true,
     [](ImageBuilder& b, std::int64_t n) {
       const auto x = b.input("x", kF, {n, 7}), w = b.param("w", kF, {7, 9}, 0), bias = b.param("b", kF, {9}, 1);
       b.op(RLX_OP_LINEAR, {x, w, bias}, {b.output("y", kF, {n, 9})},
            {{RLX_ATTR_PARTS, Dim(1)}, {RLX_ATTR_W_LAYOUT, Dim(RLX_W_LAYOUT_KN)}, {RLX_ATTR_HAS_BIAS, Dim(1)}});
     },
     [] { return std::vector<Dims>{{7, 9}, {9}}; }},
    {"dot", {RLX_OP_DOT}, false, true,
     [](ImageBuilder& b, std::int64_t n) {
       const auto x = b.input("a", kF, {5, n}), y = b.input("b", kF, {n, 3});
       b.op(RLX_OP_DOT, {x, y}, {b.output("y", kF, {5, 3})},
            {{RLX_ATTR_CONTRACT_A, Dims{1}}, {RLX_ATTR_CONTRACT_B, Dims{0}}, {RLX_ATTR_BATCH_A, Dims{}}, {RLX_ATTR_BATCH_B, Dims{}}});
     },
     no_params},
    {"softmax", {RLX_OP_SOFTMAX}, false, false,
     [](ImageBuilder& b, std::int64_t n) {
       b.op(RLX_OP_SOFTMAX, {b.input("x", kF, {3, n})}, {b.output("y", kF, {3, n})}, {{RLX_ATTR_AXIS, Dim(1)}});
     },
     no_params},
    {"attention", {RLX_OP_ATTENTION}, true, false,
     [](ImageBuilder& b, std::int64_t n) {
       const auto q = b.input("q", kF, {1, 2, 3, 5}), k = b.input("k", kF, {1, 1, n, 5}), v = b.input("v", kF, {1, 1, n, 7});
       b.op(RLX_OP_ATTENTION, {q, k, v}, {b.output("y", kF, {1, 2, 3, 7})}, {{RLX_ATTR_SCALE, 0.0625}});
     },
     no_params},
    {"elementwise", {RLX_OP_ELEMENTWISE, RLX_OP_BINARY}, false, true,
     [](ImageBuilder& b, std::int64_t n) {
       const Dims dims = {3, n};
       const auto x = b.input("a", kF, dims), y = b.input("b", kF, dims);
       const auto px = b.inner(kF, dims), py = b.inner(kF, dims), s = b.inner(kF, dims), p = b.inner(kF, dims);
       const auto region = b.region({px, py});
       b.op(RLX_OP_BINARY, {px, py}, {s}, fn(RLX_BINARY_ADD), {}, region);
       b.op(RLX_OP_BINARY, {s, py}, {p}, fn(RLX_BINARY_MUL), {}, region);
       b.region_results(region, {p});
       b.op(RLX_OP_ELEMENTWISE, {x, y}, {b.output("y", kF, dims)}, {}, {region});
     },
     no_params},
    {"top_k", {RLX_OP_TOP_K}, false, true,
     [](ImageBuilder& b, std::int64_t n) {
       const auto values = b.output("values", kF, {5, 1}), indices = b.output("indices", DType::kI64, {5, 1});
       b.op(RLX_OP_TOP_K, {b.input("x", kF, {5, n})}, {values, indices},
            {{RLX_ATTR_K, Dim(1)}, {RLX_ATTR_AXIS, Dim(1)}, {RLX_ATTR_LARGEST, Dim(1)}, {RLX_ATTR_SORTED, Dim(1)}});
     },
     no_params},
    {"gather", {RLX_OP_GATHER}, false, true,
     [](ImageBuilder& b, std::int64_t n) {
       const auto data = b.input("data", kF, {16, 3}), index = b.input("idx", DType::kI64, {n});
       b.op(RLX_OP_GATHER, {data, index}, {b.output("y", kF, {n, 3})},
            {{RLX_ATTR_AXIS, Dim(0)}, {RLX_ATTR_BATCH_DIMS, Dim(0)}, {RLX_ATTR_INDEX_POLICY, Dim(1)}, {RLX_ATTR_NEGATIVE_INDICES, Dim(0)}});
     },
     no_params},
    {"conv", {RLX_OP_CONV}, false, true,
     [](ImageBuilder& b, std::int64_t n) {
       const auto x = b.input("x", kF, {n, 2, 5, 6}), w = b.param("w", kF, {3, 2, 3, 3}, 0);
       b.op(RLX_OP_CONV, {x, w}, {b.output("y", kF, {n, 3, 5, 6})}, {{RLX_ATTR_LOW, Dims{1, 1}}, {RLX_ATTR_HIGH, Dims{1, 1}}});
     },
     [] { return std::vector<Dims>{{3, 2, 3, 3}}; }},
};

bool all_claimed(const Facts& facts, std::span<const std::uint32_t> opcodes) {
  return std::all_of(opcodes.begin(), opcodes.end(), [&](std::uint32_t opcode) { return !opcode || claimed(facts, opcode, kF32); });
}

std::vector<std::string> sized_cases(const Facts& facts, int effort) {
  std::vector<std::string> keys;
  for (const Sized& sized : kSized)
    if ((effort || sized.quick) && all_claimed(facts, sized.opcodes)) keys.push_back(sized.name);
  return keys;
}

Result<NumericCase> make_sized(const std::string& key, std::uint64_t seed, const Facts&) {
  const Sized* sized = nullptr;
  for (const Sized& each : kSized)
    if (key == each.name) sized = &each;
  if (!sized) return fail(ErrorCode::kInvalidArgument, "no case `", key, "`");
  Random random(seed);
  NumericCase made;
  std::string skeleton;
  std::vector<ImageBuilder> builders;
  for (const std::int64_t n : {2, 19, 4, 67, 33}) {
    builders.emplace_back();
    sized->build(builders.back(), n);
    std::string own;
    RLX_ASSIGN(std::string image, image_of(builders.back(), &own));
    if (!skeleton.empty() && own != skeleton) return fail(ErrorCode::kInternal, "sizes of `", key, "` have several skeletons");
    skeleton = own;
    made.images.push_back(std::move(image));
  }
  for (const Dims& dims : sized->params()) made.params.push_back(fill_whole(kF, count_of(dims), random));
  for (const std::uint32_t image : {0, 1, 2, 3, 4, 0, 3, 1, 0, 4, 2, 3}) made.steps.push_back({image, whole_inputs(builders[image], random), {}});
  if (sized->exact) made.compare.most = 0;
  return made;
}

// ---- DYN-02, DYN-03: extents ----

constexpr std::int64_t kRows = 8, kColumns = 5;

/// p = x * x, of which rows at or past n are unspecified; r = its sums over rows; s = the sum of the rows below n, by a mask.
void build_extents(ImageBuilder& b, bool with_section, std::int64_t rows) {
  const Dims dims = {rows, kColumns};
  const auto x = b.input("x", kF, dims), n = b.input("n", DType::kI64, {});
  const auto p = b.output("p", kF, dims), r = b.output("r", kF, {rows});
  b.op(RLX_OP_BINARY, {x, x}, {p}, fn(RLX_BINARY_MUL));
  b.op(RLX_OP_REDUCE, {p}, {r}, {{RLX_ATTR_FN, Dim(RLX_REDUCE_SUM)}, {RLX_ATTR_AXES, Dims{1}}, {RLX_ATTR_KEEP, Dim(0)}});
  const auto places = b.temp(DType::kI64, {rows, 1}), below = b.temp(DType::kBool, {rows, 1}), kept = b.temp(kF, dims);
  b.op(RLX_OP_IOTA, {}, {places}, {{RLX_ATTR_AXIS, Dim(0)}, {RLX_ATTR_DIMS, Dims{rows, 1}}, {RLX_ATTR_TO, DType::kI64}});
  b.op(RLX_OP_COMPARE, {places, b.view(n, {rows, 1}, {0, 0})}, {below}, fn(RLX_COMPARE_LT));
  const auto zero = b.constant(kF, {1, 1}, std::string(4, '\0'));
  b.op(RLX_OP_SELECT, {below, p, zero}, {kept});
  b.op(RLX_OP_REDUCE, {kept}, {b.output("s", kF, {kColumns})}, {{RLX_ATTR_FN, Dim(RLX_REDUCE_SUM)}, {RLX_ATTR_AXES, Dims{0}}, {RLX_ATTR_KEEP, Dim(0)}});
  if (!with_section) return;
  b.extent(x, 0, n);
  b.extent(p, 0, n);
  b.extent(r, 0, n);
}

bool extents_claimed(const Facts& facts) {
  return claimed(facts, RLX_OP_BINARY, kF32) && claimed(facts, RLX_OP_REDUCE, kF32) && claimed(facts, RLX_OP_IOTA, kI64) &&
         claimed(facts, RLX_OP_COMPARE, kI64 | kBool) && claimed(facts, RLX_OP_SELECT, kF32 | kBool);
}

std::vector<std::string> extent_cases(const Facts& facts, int effort) {
  std::vector<std::string> keys;
  if (!extents_claimed(facts)) return keys;
  for (std::int64_t n = 0; n <= kRows; n += effort ? 1 : 3) keys.push_back("rows/" + std::to_string(n));
  return keys;
}

/// One step on an image: `n` rows of `x` count, what follows is `padding`.
NumericStep extent_step(std::uint32_t image, std::int64_t rows, std::int64_t n, const std::string& x, const std::string& padding) {
  const std::int64_t below = std::clamp<std::int64_t>(n, 0, rows);
  const auto bytes = static_cast<std::size_t>(below * kColumns) * 4;
  NumericStep step;
  step.image = image;
  std::string data = x.substr(0, bytes);
  while (data.size() < static_cast<std::size_t>(rows * kColumns) * 4) data += padding;
  step.inputs = {data, whole(n)};
  step.specified = {static_cast<std::uint64_t>(below * kColumns), static_cast<std::uint64_t>(below), kColumns};
  return step;
}

const std::string kNan("\xFF\xFF\xFF\x7F", 4), kSignalling("\x01\x00\xA0\x7F", 4), kGreat("\xFF\xFF\x7F\x7F", 4), kOne("\x00\x00\x80\x3F", 4);

Result<NumericCase> make_extents(const std::string& key, std::uint64_t seed, const Facts&) {
  if (!key.starts_with("rows/")) return fail(ErrorCode::kInvalidArgument, "no case `", key, "`");
  const std::int64_t n = std::atoll(key.c_str() + 5);
  NumericCase made;
  const std::pair<bool, std::int64_t> images[] = {{true, kRows}, {false, kRows}, {true, n}};
  for (const auto& [section, rows] : images) {
    ImageBuilder b;
    build_extents(b, section, rows);
    RLX_ASSIGN(std::string image, image_of(b));
    made.images.push_back(std::move(image));
  }
  Random random(seed);
  const std::string x = fill_whole(kF, kRows * kColumns, random);
  for (const std::string& padding : {kOne, kNan, kSignalling, kGreat})
    for (const std::uint32_t image : {0u, 1u}) made.steps.push_back(extent_step(image, kRows, n, x, padding));
  made.steps.push_back(extent_step(2, n, n, x, kOne));
  made.compare.most = 0;
  return made;
}

// ---- DYN-03: numbers past every border ----

constexpr std::int64_t kNumbers[] = {-kHuge, -1, 0, 1, 7, 8, 9, kHuge};

std::vector<std::string> border_cases(const Facts& facts, int) {
  std::vector<std::string> keys;
  if (extents_claimed(facts)) keys.push_back("extent");
  if (claimed(facts, RLX_OP_ATTENTION, kF32 | kI64)) keys.push_back("lengths");
  if (claimed(facts, RLX_OP_DYNAMIC_SLICE, kF32 | kI64)) keys.push_back("slice");
  if (claimed(facts, RLX_OP_DYNAMIC_UPDATE_SLICE, kF32 | kI64)) keys.push_back("update_slice");
  return keys;
}

Result<NumericCase> make_border(const std::string& key, std::uint64_t seed, const Facts&) {
  NumericCase made;
  Random random(seed);
  ImageBuilder b;
  if (key == "extent") {
    build_extents(b, true, kRows);
  } else if (key == "lengths") {
    const auto q = b.input("q", kF, {1, 1, 2, 3}), k = b.input("k", kF, {1, 1, 8, 3}), v = b.input("v", kF, {1, 1, 8, 3});
    b.op(RLX_OP_ATTENTION, {q, k, v, b.input("n", DType::kI64, {1})}, {b.output("y", kF, {1, 1, 2, 3})},
         {{RLX_ATTR_SCALE, 0.25}, {RLX_ATTR_MASK_KIND, Dim(RLX_MASK_LENGTHS)}});
  } else if (key == "slice") {
    b.op(RLX_OP_DYNAMIC_SLICE, {b.input("x", kF, {8, 3}), b.input("n", DType::kI64, {2})}, {b.output("y", kF, {3, 2})},
         {{RLX_ATTR_SIZES, Dims{3, 2}}, {RLX_ATTR_INDEX_POLICY, Dim(1)}});
  } else {
    const auto x = b.input("x", kF, {8, 3}), u = b.input("u", kF, {3, 2});
    b.op(RLX_OP_DYNAMIC_UPDATE_SLICE, {x, u, b.input("n", DType::kI64, {2})}, {b.output("y", kF, {8, 3})}, {{RLX_ATTR_INDEX_POLICY, Dim(1)}});
  }
  RLX_ASSIGN(std::string image, image_of(b));
  made.images.push_back(std::move(image));
  for (const std::int64_t n : kNumbers) {
    std::vector<std::string> inputs = whole_inputs(b, random);
    if (key == "extent") {
      made.steps.push_back(extent_step(0, kRows, n, inputs[0], kNan));
      continue;
    }
    inputs.back() = key == "lengths" ? whole(n) : whole(n) + whole(1);
    made.steps.push_back({0, std::move(inputs), {}});
  }
  if (key != "lengths") made.compare.most = 0;
  return made;
}

// ---- DYN-06: state ----

constexpr std::int64_t kCache = 12, kWidth = 5;

/// A key and a value cache: `count` new rows are written at `at`, and `count` queries see the first `length` of what is there.
void build_cache(ImageBuilder& b, std::int64_t count) {
  const Dims cache = {1, 1, kCache, kWidth}, rows = {1, 1, count, kWidth};
  const auto q = b.input("q", kF, {1, 2, count, kWidth}), new_k = b.input("new_k", kF, rows), new_v = b.input("new_v", kF, rows);
  const auto at = b.input("at", DType::kI64, {4}), length = b.input("length", DType::kI64, {1});
  const auto k = b.input("k", kF, cache), v = b.input("v", kF, cache);
  const auto y = b.output("y", kF, {1, 2, count, kWidth}), after_k = b.output("k", kF, cache), after_v = b.output("v", kF, cache);
  b.state(5, 1);
  b.state(6, 2);
  const Attributes clamp = {{RLX_ATTR_INDEX_POLICY, Dim(1)}};
  b.op(RLX_OP_DYNAMIC_UPDATE_SLICE, {k, new_k, at}, {after_k}, clamp);
  b.op(RLX_OP_DYNAMIC_UPDATE_SLICE, {v, new_v, at}, {after_v}, clamp);
  b.op(RLX_OP_ATTENTION, {q, after_k, after_v, length}, {y}, {{RLX_ATTR_SCALE, 0.0625}, {RLX_ATTR_MASK_KIND, Dim(RLX_MASK_LENGTHS)}});
}

/// Rows alone: what is written, and the rows as they were.
void build_rows(ImageBuilder& b, std::int64_t count) {
  const Dims cache = {kCache, kWidth};
  const auto u = b.input("u", kF, {count, kWidth}), at = b.input("at", DType::kI64, {2}), x = b.input("x", kF, cache);
  const auto before = b.output("before", kF, cache), after = b.output("x", kF, cache);
  b.state(2, 1);
  b.op(RLX_OP_COPY, {x}, {before});
  b.op(RLX_OP_DYNAMIC_UPDATE_SLICE, {x, u, at}, {after}, {{RLX_ATTR_INDEX_POLICY, Dim(1)}});
}

/// A running sum, and its double.
void build_sum(ImageBuilder& b, std::int64_t count) {
  const Dims dims = {kCache, kWidth};
  const auto u = b.input("u", kF, {count, kWidth}), x = b.input("x", kF, dims);
  const auto after = b.output("x", kF, dims), twice = b.output("twice", kF, dims);
  b.state(1, 0);
  b.op(RLX_OP_BINARY, {x, b.view(u, dims, {0, 1})}, {after}, fn(RLX_BINARY_ADD));
  b.op(RLX_OP_BINARY, {after, after}, {twice}, fn(RLX_BINARY_ADD));
}

std::vector<std::string> state_cases(const Facts& facts, int) {
  std::vector<std::string> keys;
  const bool update = claimed(facts, RLX_OP_DYNAMIC_UPDATE_SLICE, kF32 | kI64);
  if (update && claimed(facts, RLX_OP_ATTENTION, kF32 | kI64)) keys.push_back("cache");
  if (update && claimed(facts, RLX_OP_COPY, kF32)) keys.push_back("rows");
  if (claimed(facts, RLX_OP_BINARY, kF32, RLX_BINARY_ADD)) keys.push_back("sum");
  return keys;
}

/// {rows written, place, length}: a start, appending, rolling back, appending other rows, shrinking, growing, a new start.
struct Turn {
  std::int64_t count, at, length;
};
constexpr Turn kTurns[] = {{4, 0, 4}, {1, 4, 5}, {1, 5, 6}, {1, 6, 7}, {1, 4, 5}, {1, 5, 6}, {1, 1, 2}, {1, 2, 3}, {4, 3, 7}, {1, 7, 8}, {4, 8, 12}, {4, 0, 4}, {1, 4, 5}};

Result<NumericCase> make_state(const std::string& key, std::uint64_t seed, const Facts&) {
  const std::function<void(ImageBuilder&, std::int64_t)> build = key == "cache" ? build_cache : key == "rows" ? build_rows : build_sum;
  Random random(seed);
  NumericCase made;
  std::vector<ImageBuilder> builders(2);
  for (std::size_t i = 0; i < 2; ++i) {
    build(builders[i], i ? 1 : 4);
    RLX_ASSIGN(std::string image, image_of(builders[i]));
    made.images.push_back(std::move(image));
  }
  for (const Turn& turn : kTurns) {
    const std::uint32_t image = turn.count == 1;
    NumericStep step = {image, whole_inputs(builders[image], random), {}};
    if (key == "cache") {
      step.inputs[3] = whole(0) + whole(0) + whole(turn.at) + whole(0);
      step.inputs[4] = whole(turn.length);
    } else if (key == "rows") {
      step.inputs[1] = whole(turn.at) + whole(0);
    }
    made.steps.push_back(std::move(step));
  }
  if (key != "cache") made.compare.most = 0;
  return made;
}

constexpr NumericCheck kChecks[] = {
    {"DYN-01", 4, "Sizes of one skeleton, compiled and run in turns in one process, are each right.", 500, sized_cases, make_sized},
    {"DYN-02", 4, "Elements below an extent are those of the exact shape, whatever lies past it, with and without the section.", 50, extent_cases, make_extents},
    {"DYN-03", 4, "Extents, lengths and starts past every border keep to their policy and touch nothing outside.", 50, border_cases, make_border},
    {"DYN-06", 4, "State that is appended to, rolled back, shrunk and grown is the caller's memory, dense, for every executable.", 500, state_cases, make_state},
};

}  // namespace

std::span<const NumericCheck> dyn_numeric_checks() { return kChecks; }

}  // namespace rlx::conform
