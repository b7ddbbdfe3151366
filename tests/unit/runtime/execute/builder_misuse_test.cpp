// SPDX-License-Identifier: Apache-2.0
// Whatever a caller gives a builder - values of nobody, axes and sizes from everywhere, numbers that are no enumerator - the
// call returns, and finish() has a model or an error that is not ours.
#include <cmath>
#include <functional>
#include <limits>
#include <random>

#include "support.h"

namespace {

using namespace rlx_test;
using rlx::DType;
using rlx::Handle;
using rlx::Size;
using rlx::Sizes;
using B = rlx::ModelBuilder;

/// Arguments: good ones twice as often as each kind of bad one.
class Any {
 public:
  explicit Any(std::uint32_t seed) : random_(seed) {}
  Handle first;  ///< of the builder; its others follow

  std::size_t below(std::size_t count) { return random_() % count; }
  template <class T, std::size_t kCount>
  T one(const T (&list)[kCount]) { return list[below(kCount)]; }

  Handle value() {
    static constexpr std::uint32_t kIds[] = {0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 12, 40, 0x7FFFFFFFu, 0xFFFFFFFEu, 0xFFFFFFFFu};
    const std::uint32_t id = one(kIds);
    return {id <= 40 ? first.id + id : id};
  }
  std::int64_t number() {
    static constexpr std::int64_t kNumbers[] = {0, 1, 1, 2, 2, 3, 4, 4, 8, -1, -1, -2, -3, 7, 63, 1 << 20, INT32_MAX, INT64_MAX, INT64_MIN, INT64_MAX / 2, -5};
    return one(kNumbers);
  }
  std::int64_t axis() {
    static constexpr std::int64_t kAxes[] = {0, 0, 1, 1, 2, -1, -1, -2, -3, 3, 8, 9, INT64_MAX, INT64_MIN};
    return one(kAxes);
  }
  Size size() {
    static const char* const kTexts[] = {"n", "n", "m", "n+1", "n*m", "n*0", "0-n", "n/0", "floordiv(n, 0)", "floordiv(n, 2)", "ceildiv(n, 0)", "mod(n, 0)", "mod(n, 3)", "min(n, m)", "max(0, n)",
                                         "9223372036854775807", "9223372036854775807*n", "9223372036854775807+n", "n-9223372036854775807", "", " ", "(", "n m", "\xFF", "-", "n*n*n*n*n*n*n*n", "1e9", "99999999999999999999999"};
    if (below(2)) return Size(number());
    return Size(one(kTexts));
  }
  Sizes sizes() {
    Sizes list;
    for (std::size_t i = below(5) + (below(20) == 0 ? 9 : 0); i > 0; --i) list.push_back(size());
    return list;
  }
  std::vector<std::int64_t> axes() {
    std::vector<std::int64_t> list;
    for (std::size_t i = below(4); i > 0; --i) list.push_back(axis());
    return list;
  }
  std::uint32_t code() {
    static constexpr std::uint32_t kCodes[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14, 20, 33, 99, 0x7FFFFFFFu, 0xFFFFFFFFu};
    return one(kCodes);
  }
  DType dtype() { return static_cast<DType>(below(3) ? below(14) : code()); }
  double real() {
    static constexpr double kReals[] = {0, 1, -1, 0.5, 1e-5, 1e308, -1e308, 1e-320, INFINITY, -INFINITY, NAN};
    return one(kReals);
  }
  bool flag() { return below(2) != 0; }
  std::string name() {
    static const char* const kNames[] = {"x", "y", "n", "s", "fresh", "", "a \"b\"\n", "\xFF"};
    return one(kNames);
  }
  rlx::Activation act() { return static_cast<rlx::Activation>(code()); }

  rlx::OpAttribute attribute() {
    rlx::OpAttribute made;
    made.key = static_cast<std::uint32_t>(below(20) ? below(62) : code());
    made.kind = static_cast<rlx::OpAttribute::Kind>(below(30) ? below(6) : 77);
    made.size = size();
    made.real = real();
    made.dtype = dtype();
    made.sizes = sizes();
    for (std::size_t i = below(3); i > 0; --i) made.reals.push_back(real());
    made.text = name();
    return made;
  }

 private:
  std::minstd_rand random_;
};

/// Values 0 to 8: f32[n, 4], f32[n, 4], f32[4, 2], f32[2], bool[n, 4], i64[], i64[n], f32[1, 2, n, 4], and a state f32[0, 3].
Handle begin(B& b) {
  b.symbol("n", 0, 64);
  const Handle first = b.input("x", DType::kF32, {"n", 4});
  b.input("x2", DType::kF32, {"n", 4});
  b.param("w", DType::kF32, {4, 2});
  b.param("v", DType::kF32, {2});
  b.input("mask", DType::kBool, {"n", 4});
  b.input("at", DType::kI64, {});
  b.input("rows", DType::kI64, {"n"});
  b.input("heads", DType::kF32, {1, 2, "n", 4});
  b.state("s", DType::kF32, {0, 3});
  return first;
}

void any_op(B& b, Any& any) {
  std::vector<Handle> operands;
  std::vector<rlx::OpAttribute> attributes;
  for (std::size_t i = any.below(5); i > 0; --i) operands.push_back(any.value());
  for (std::size_t i = any.below(4); i > 0; --i) attributes.push_back(any.attribute());
  b.op(static_cast<std::uint32_t>(any.below(90)), operands, attributes, any.flag() ? any.name() : "");
}

void any_attention(B& b, Any& any) {
  rlx::AttentionOptions options;
  options.scale = any.real();
  options.softcap = any.real();
  options.causal = static_cast<int>(any.number());
  options.window_left = any.number();
  options.window_right = any.number();
  options.mask_kind = static_cast<rlx::MaskKind>(any.below(7));
  b.attention(any.value(), any.value(), any.value(), any.value(), options);
}

void any_constant(B& b, Any& any) {
  static const double bytes[2] = {1, 2};
  rlx::TensorView view{any.dtype(), {}, any.flag() ? bytes : nullptr, any.below(17)};
  for (std::size_t i = any.below(3); i > 0; --i) view.dims.push_back(any.number());
  b.constant(view);
}

using Call = std::function<void(B&, Any&)>;
const std::vector<Call> kCalls = {
    [](B& b, Any& any) { b.symbol(any.name(), any.number(), any.number()); },
    [](B& b, Any& any) { b.input(any.name(), any.dtype(), any.sizes()); },
    [](B& b, Any& any) { b.state(any.name(), any.dtype(), any.sizes()); },
    [](B& b, Any& any) { b.set_state(any.name(), any.value()); },
    [](B& b, Any& any) { b.length(any.name(), any.size(), any.size()); },
    [](B& b, Any& any) { b.param(any.name(), any.dtype(), any.axes()); },
    any_constant,
    [](B& b, Any& any) { b.scalar(any.dtype(), any.real()); },
    [](B& b, Any& any) { b.linear(any.value(), any.value(), any.value(), any.act(), any.flag()); },
    [](B& b, Any& any) { b.matmul(any.value(), any.value()); },
    [](B& b, Any& any) { b.activation(any.value(), any.act(), any.real(), any.real()); },
    [](B& b, Any& any) { b.unary(any.code(), any.value()); },
    [](B& b, Any& any) { b.binary(any.code(), any.value(), any.value()); },
    [](B& b, Any& any) { b.compare(any.code(), any.value(), any.value()); },
    [](B& b, Any& any) { b.select(any.value(), any.value(), any.value()); },
    [](B& b, Any& any) { b.cast(any.value(), any.dtype()); },
    [](B& b, Any& any) { b.layer_norm(any.value(), any.value(), any.value(), any.real()); },
    [](B& b, Any& any) { b.rms_norm(any.value(), any.value(), any.real(), any.real()); },
    [](B& b, Any& any) { b.softmax(any.value(), any.axis(), any.flag()); },
    any_attention,
    [](B& b, Any& any) { b.rope(any.value(), any.value(), any.value(), any.value(), any.flag(), any.number()); },
    [](B& b, Any& any) { b.swiglu(any.value(), any.value(), any.value(), any.value(), any.act(), any.flag()); },
    [](B& b, Any& any) { b.reshape(any.value(), any.sizes()); },
    [](B& b, Any& any) { b.transpose(any.value(), any.axes()); },
    [](B& b, Any& any) { b.expand(any.value(), any.sizes()); },
    [](B& b, Any& any) { b.slice(any.value(), any.axis(), any.size(), any.size(), any.size()); },
    [](B& b, Any& any) { b.dynamic_slice(any.value(), any.axis(), any.value(), any.size()); },
    [](B& b, Any& any) { b.update_slice(any.value(), any.value(), any.axis(), any.value()); },
    [](B& b, Any& any) { b.concat({any.value(), any.value()}, any.axis()); },
    [](B& b, Any& any) { b.gather(any.value(), any.value(), any.axis()); },
    [](B& b, Any& any) { b.reduce(any.code(), any.value(), any.axes(), any.flag()); },
    [](B& b, Any& any) { b.mean(any.value(), any.axes(), any.flag()); },
    [](B& b, Any& any) { b.segment_reduce(any.code(), any.value(), any.value()); },
    [](B& b, Any& any) { b.segment_mean(any.value(), any.value()); },
    [](B& b, Any& any) { b.size_of(any.size()); },
    any_op,
    any_op,
    [](B& b, Any& any) { b.set_output(any.name(), any.value()); },
    [](B& b, Any& any) { b.describe(any.value()); },
    [](B& b, Any& any) { b.dims(any.value()); },
};

TEST(BuilderMisuse, AValueOfAnotherBuilderIsRefusedByName) {
  B mine("mine"), other("other");
  const Handle x = mine.input("x", DType::kF32, {4});
  const Handle theirs = other.input("x", DType::kF32, {4});
  static_assert(sizeof(Handle) == 4);
  EXPECT_EQ(mine.describe(theirs), "nothing");
  EXPECT_EQ(mine.describe(x), "f32[4]");
  B moved(std::move(mine));
  moved.set_output("y", moved.add(x, theirs));
  expect_error(moved.finish(), rlx::ErrorCode::kInvalidModel, {"binary", "value 0 of another ModelBuilder"});
  other.set_output("y", other.add(theirs, theirs));
  EXPECT_TRUE(other.finish());
}

TEST(BuilderMisuse, AnyCallReturnsAndFinishHasAModelOrAnError) {
  std::size_t models = 0;
  for (std::uint32_t seed = 1; seed <= 8000; ++seed) {
    SCOPED_TRACE(seed);
    Any any(seed * 7919);
    B builder("any");
    any.first = begin(builder);
    builder.set_state("s", {any.first.id + 8});
    const std::size_t which = any.below(kCalls.size());
    ASSERT_NO_THROW(kCalls[which](builder, any)) << "call " << which;
    if (any.flag()) {
      ASSERT_NO_THROW(kCalls[any.below(kCalls.size())](builder, any));
    }
    builder.set_output("last", {any.first.id + (any.flag() ? 9u : 0u)});
    const auto model = builder.finish();
    if (model) {
      ++models;
      EXPECT_TRUE(rlx::model_from_text(model->to_text())) << "call " << which << "\n" << model->to_text();
    } else {
      EXPECT_NE(model.error().code(), rlx::ErrorCode::kInternal) << "call " << which << ": " << model.error().message();
    }
  }
  EXPECT_GT(models, 400u) << "good calls are among them";
}

}  // namespace
