// SPDX-License-Identifier: Apache-2.0
// MEM-06: views. A window of an input, a param or a value between, read by ops of every kind, and handed out as an output.
#include <rlx/ops.h>

#include "tools/conform/numeric/groups.h"
#include "tools/conform/numeric/image_builder.h"

namespace rlx::conform {
namespace {

struct Window {
  const char* name;
  Dims strides;
  std::int64_t offset;  ///< in elements of the root, [7, 9]
};
const Window kWindows[] = {{"offset", {9, 1}, 2 * 9 + 3}, {"turned", {1, 9}, 3},        {"backwards", {-9, -1}, 6 * 9 + 8},
                           {"repeated", {0, 1}, 9 + 2},   {"stepped", {18, 2}, 9 + 1}, {"column", {9, 0}, 4 * 9 - 27}};
constexpr const char* kRoots[] = {"input", "param", "between"};

struct Reader {
  const char* name;
  std::uint32_t opcode;
  std::uint32_t fn;
  bool quick;
};
constexpr Reader kReaders[] = {{"copy", RLX_OP_COPY, 0, true},          {"add", RLX_OP_BINARY, RLX_BINARY_ADD, true},
                               {"twice", RLX_OP_BINARY, RLX_BINARY_ADD, false}, {"neg", RLX_OP_UNARY, RLX_UNARY_NEG, false},
                               {"sum", RLX_OP_REDUCE, RLX_REDUCE_SUM, false},   {"concat", RLX_OP_CONCAT, 0, false},
                               {"linear", RLX_OP_LINEAR, 0, false},     {"output", 0, 0, true}};

struct Key {
  std::string reader, window, root;
  DType dtype;
};
Key parsed(const std::string& key) {
  std::vector<std::string> parts(1);
  for (const char c : key) {
    if (c == '/')
      parts.emplace_back();
    else
      parts.back() += c;
  }
  parts.resize(4);
  return {parts[0], parts[1], parts[2], dtype_from_name(parts[3])};
}

std::uint64_t bit(DType dtype) { return std::uint64_t{1} << static_cast<unsigned>(dtype); }

std::vector<std::string> view_cases(const Facts& facts, int effort) {
  std::vector<std::string> keys;
  for (const Reader& reader : kReaders)
    for (const Window& window : kWindows)
      for (const char* root : kRoots)
        for (const DType dtype : {DType::kF32, DType::kI64, DType::kI8}) {
          if (!effort && (!reader.quick || dtype != DType::kF32)) continue;
          if (dtype != DType::kF32 && reader.opcode != RLX_OP_COPY && reader.opcode != RLX_OP_BINARY) continue;
          if (reader.opcode && !claimed(facts, reader.opcode, bit(dtype), reader.fn)) continue;
          const bool between = std::string(root) == "between";
          if (between && !claimed(facts, RLX_OP_COPY, bit(dtype))) continue;
          if (!reader.opcode && !between) continue;
          keys.push_back(std::string(reader.name) + "/" + window.name + "/" + root + "/" + std::string(dtype_name(dtype)));
        }
  return keys;
}

/// The op that reads `view`, [3, 4]; `inputs` gets the dims of inputs that it adds.
void read_view(ImageBuilder& b, const std::string& reader, DType dtype, std::uint32_t view, std::uint32_t root, std::vector<Dims>& inputs) {
  const Dims dims = {3, 4};
  const auto other = [&](const Dims& wanted) {
    inputs.push_back(wanted);
    return b.input("other", dtype, wanted);
  };
  if (reader == "output") return b.output_of("y", view);
  if (reader == "copy") return b.op(RLX_OP_COPY, {view}, {b.output("y", dtype, dims)});
  if (reader == "neg") return b.op(RLX_OP_UNARY, {view}, {b.output("y", dtype, dims)}, {{RLX_ATTR_FN, Dim(RLX_UNARY_NEG)}});
  if (reader == "sum")
    return b.op(RLX_OP_REDUCE, {view}, {b.output("y", dtype, {3})}, {{RLX_ATTR_FN, Dim(RLX_REDUCE_SUM)}, {RLX_ATTR_AXES, Dims{1}}, {RLX_ATTR_KEEP, Dim(0)}});
  if (reader == "concat") {
    const auto x = other({3, 2});
    return b.op(RLX_OP_CONCAT, {x, view}, {b.output("y", dtype, {3, 6})}, {{RLX_ATTR_AXIS, Dim(1)}});
  }
  if (reader == "linear") {
    const auto w = other({4, 5});
    return b.op(RLX_OP_LINEAR, {view, w}, {b.output("y", dtype, {3, 5})},
                {{RLX_ATTR_PARTS, Dim(1)}, {RLX_ATTR_W_LAYOUT, Dim(RLX_W_LAYOUT_KN)}, {RLX_ATTR_HAS_BIAS, Dim(0)}});
  }
  const auto second = reader == "twice" ? b.view(root, dims, {9, 1}, 9 * static_cast<std::int64_t>(dtype_bytes(dtype))) : other(dims);
  b.op(RLX_OP_BINARY, {view, second}, {b.output("y", dtype, dims)}, {{RLX_ATTR_FN, Dim(RLX_BINARY_ADD)}});
}

Result<NumericCase> make_view(const std::string& text, std::uint64_t seed, const Facts&) {
  const Key key = parsed(text);
  const Window* window = nullptr;
  for (const Window& each : kWindows)
    if (key.window == each.name) window = &each;
  if (!window || key.dtype == DType::kNone) return fail(ErrorCode::kInvalidArgument, "no case `", text, "`");
  ImageBuilder b;
  const Dims dims = {7, 9};
  std::vector<Dims> inputs;
  NumericCase made;
  Random random(seed);
  std::uint32_t root = 0;
  if (key.root == "param") {
    root = b.param("root", key.dtype, dims, 0);
    made.params.push_back(fill_whole(key.dtype, 63, random));
  } else {
    root = b.input("root", key.dtype, dims);
    inputs.push_back(dims);
  }
  if (key.root == "between") {
    const auto between = b.temp(key.dtype, dims);
    b.op(RLX_OP_COPY, {root}, {between});
    root = between;
  }
  const auto view = b.view(root, {3, 4}, window->strides, window->offset * static_cast<std::int64_t>(dtype_bytes(key.dtype)));
  read_view(b, key.reader, key.dtype, view, root, inputs);
  RLX_ASSIGN(const lir::Image image, b.image());
  made.image = bytes_of(image);
  for (const Dims& each : inputs) {
    std::uint64_t count = 1;
    for (const Dim& dim : each) count *= static_cast<std::uint64_t>(dim.number());
    made.inputs.push_back(fill_whole(key.dtype, count, random));
  }
  made.compare.most = 0;
  return made;
}

constexpr NumericCheck kChecks[] = {
    {"MEM-06", 4, "Views with offsets, turned, reversed, repeated and stepped, of inputs, params and values between, are read as they say.", 100, view_cases, make_view},
};

}  // namespace

std::span<const NumericCheck> mem_numeric_checks() { return kChecks; }

}  // namespace rlx::conform
