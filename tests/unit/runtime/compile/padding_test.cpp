// SPDX-License-Identifier: Apache-2.0
// Padding: whatever lies behind the real sizes, the real part of every output is what the graph gives at those sizes; what
// has no form with padding is refused by name.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <random>

#include "runtime/compile/padding.h"
#include "runtime/compile/specialize.h"
#include "runtime/ir/lir/image.h"
#include "runtime/ir/text.h"
#include "runtime/reference/interpreter.h"
#include "support.h"

namespace rlx::test {
namespace {

using reference::Sizes;
using reference::Tensor;

Sizes sizes_of(const Dims& dims, const DimBinding& binding) { return *evaluate(dims, binding); }

/// A tensor of `to` with the elements of `from` at the front of every axis.
Tensor in_front(const Tensor& from, Tensor to) {
  Sizes at(from.dims.size());
  for (std::size_t n = 0; n < from.count(); ++n) {
    std::size_t place = 0;
    for (std::size_t axis = 0; axis < at.size(); ++axis) place = place * static_cast<std::size_t>(to.dims[axis]) + static_cast<std::size_t>(at[axis]);
    if (from.real()) to.v[place] = from.v[n];
    else to.i[place] = from.i[n];
    for (std::size_t axis = at.size(); axis-- > 0 && ++at[axis] == from.dims[axis];) at[axis] = 0;
  }
  return to;
}

/// The front of `from`, of the dims `front`.
Tensor front_of(const Tensor& from, const Sizes& front) {
  Tensor places(DType::kI64, from.dims), result(from.dtype, front);
  for (std::size_t n = 0; n < places.i.size(); ++n) places.i[n] = static_cast<std::int64_t>(n);
  Sizes at(front.size());
  for (std::size_t n = 0; n < result.count(); ++n) {
    std::size_t place = 0;
    for (std::size_t axis = 0; axis < at.size(); ++axis) place = place * static_cast<std::size_t>(from.dims[axis]) + static_cast<std::size_t>(at[axis]);
    if (from.real()) result.v[n] = from.v[place];
    else result.i[n] = from.i[place];
    for (std::size_t axis = at.size(); axis-- > 0 && ++at[axis] == front[axis];) at[axis] = 0;
  }
  return result;
}

Tensor random_tensor(DType dtype, Sizes dims, std::mt19937& random) {
  Tensor tensor(dtype, std::move(dims));
  std::uniform_real_distribution<double> real(-1.5, 1.5);
  for (double& element : tensor.v) element = real(random);
  for (std::int64_t& element : tensor.i) element = static_cast<std::int64_t>(random() % (dtype == DType::kBool ? 2 : 3));
  return tensor;
}

/// NaN, or an index that is nowhere inside.
Tensor poison(DType dtype, Sizes dims) {
  Tensor tensor(dtype, std::move(dims));
  for (double& element : tensor.v) element = std::numeric_limits<double>::quiet_NaN();
  for (std::int64_t& element : tensor.i) element = dtype == DType::kBool ? 1 : 1'000'000'007;
  return tensor;
}

std::vector<std::byte> bytes_of(const Tensor& tensor) {
  std::vector<std::byte> bytes(tensor.count() * dtype_bytes(tensor.dtype));
  reference::write_values(tensor, bytes.data());
  return bytes;
}

Result<std::vector<reference::TensorPtr>> run(const Graph& graph, const DimBinding& binding, const std::vector<Tensor>& inputs, std::uint32_t seed) {
  Specializer specializer(std::make_shared<const Graph>(graph), takes_all());
  RLX_ASSIGN(const SpecializedImage image, specializer.specialize(binding));
  RLX_ASSIGN(const lir::Image slow, specializer.specialize_slowly(binding));
  if (!std::equal(image.image->bytes().begin(), image.image->bytes().end(), slow.bytes().begin(), slow.bytes().end()))
    return fail(ErrorCode::kInternal, "the ready image and the slow path differ");
  RLX_ASSIGN(const reference::Program program, reference::Program::make(image.image->bytes()));
  std::vector<std::vector<std::byte>> store;
  for (const Tensor& input : inputs) store.push_back(bytes_of(input));
  for (const lir::ParamRef& param : program.module().params) {
    std::mt19937 random(seed + param.set_index);
    store.push_back(bytes_of(random_tensor(param.dtype, sizes_of(param.dims, {}), random)));
  }
  reference::RunMemory memory;
  for (std::size_t i = 0; i < store.size(); ++i)
    (i < inputs.size() ? memory.inputs : memory.params).push_back(Bytes(store[i].data(), store[i].size()));
  return program.run(memory, {});
}

/// Runs `graph` at `real` and its padded form at `padded`, with poison behind what is real.
void expect_no_leak(const Graph& graph, const std::vector<std::string>& symbols, const DimBinding& real, const DimBinding& padded, std::uint32_t seed) {
  const auto form = pad_symbols(graph, symbols);
  ASSERT_TRUE(form) << form.error().to_string() << "\n" << short_text(graph);
  std::mt19937 random(seed);
  std::vector<Tensor> exact, larger;
  for (const ValueId id : graph.inputs) {
    const Shape& shape = graph.values[id].shape;
    exact.push_back(random_tensor(shape.dtype, sizes_of(shape.dims, real), random));
    larger.push_back(in_front(exact.back(), poison(shape.dtype, sizes_of(shape.dims, padded))));
  }
  for (const std::string& symbol : symbols) {
    larger.emplace_back(DType::kI64, Sizes{});
    larger.back().i[0] = real.at(symbol);
  }
  const auto wanted = run(graph, real, exact, seed), seen = run(form->graph, padded, larger, seed);
  ASSERT_TRUE(wanted) << wanted.error().to_string() << "\n" << short_text(graph);
  ASSERT_TRUE(seen) << seen.error().to_string() << "\n" << short_text(graph) << "\n" << short_text(form->graph);
  for (std::size_t i = 0; i < graph.outputs.size(); ++i) {
    Sizes whole, front;
    for (std::size_t axis = 0; axis < (*seen)[i]->dims.size(); ++axis) {
      PadAxis factors = form->outputs[i][axis];
      if (factors.empty()) factors = {{Dim((*seen)[i]->dims[axis]), false}};
      for (const Factor& factor : factors) {
        whole.push_back(*factor.size.evaluate(padded));
        front.push_back(*factor.size.evaluate(factor.padded ? real : padded));
      }
    }
    Tensor factored = *(*seen)[i];
    factored.dims = whole;
    const Tensor got = front_of(factored, front);
    ASSERT_EQ(got.count(), (*wanted)[i]->count()) << "output " << i;
    ASSERT_EQ(got.i, (*wanted)[i]->i) << "output " << i << "\n" << short_text(graph) << "\n" << short_text(form->graph);
    for (std::size_t k = 0; k < got.v.size(); ++k) {
      const double x = (*wanted)[i]->v[k], y = got.v[k];
      if (x == y || (std::isnan(x) && std::isnan(y))) continue;
      ASSERT_NEAR(x, y, 1e-6 * std::max(1.0, std::fabs(x))) << "output " << i << ", element " << k << "\n" << short_text(graph) << "\n" << short_text(form->graph);
    }
  }
}

void expect_refused(const Graph& graph, const std::vector<std::string>& symbols, const std::vector<std::string>& words) {
  const auto form = pad_symbols(graph, symbols);
  ASSERT_FALSE(form) << short_text(form->graph);
  for (const std::string& word : words) EXPECT_NE(form.error().message().find(word), std::string::npos) << word << " is not in: " << form.error().message();
}

/// Random graphs over [b, s, 4] of everything that meets elements along b and s.
class Grower {
 public:
  explicit Grower(std::uint32_t seed) : random_(seed) {
    m_.graph.symbols["s"] = {1, 1000};
    values_ = {m_.input("x", {m_.B(), m_.S(), 4}), m_.input("y", {m_.B(), m_.S(), 4})};
    ids_ = m_.input("ids", {m_.B(), m_.S()}, DType::kI64);
    keep_ = m_.input("keep", {m_.B(), m_.S()}, DType::kBool);
    lengths_ = m_.input("lengths", {m_.B()}, DType::kI64);
  }

  Graph grow(int steps) {
    for (int i = 0; i < steps; ++i) values_.push_back(calm(step(i)));
    std::vector<ValueId> outputs{values_.back()};
    if (below(3) == 0) outputs.push_back(pooled());
    return m_.finish(outputs);
  }

 private:
  std::uint32_t below(std::uint32_t n) { return random_() % n; }
  ValueId any() { return values_[below(2) ? values_.size() - 1 : below(static_cast<std::uint32_t>(values_.size()))]; }
  ValueId calm(ValueId x) { return m_.b.unary(RLX_UNARY_TANH, x); }
  ValueId wide(ValueId x) { return m_.b.broadcast(x, {m_.B(), m_.S(), 4}); }
  ValueId size(Dim dim) { return m_.b.cast(m_.b.dim(std::move(dim)), DType::kF32); }
  ValueId pooled() {
    const std::uint32_t fns[] = {RLX_REDUCE_SUM, RLX_REDUCE_MAX, RLX_REDUCE_MIN, RLX_REDUCE_PROD};
    const ValueId folded = m_.b.reduce(fns[below(4)], any(), {1}, false);
    return below(2) ? folded : m_.div(folded, size(m_.S() * 2 + 1));
  }
  ValueId heads(ValueId x) { return m_.b.reshape(x, {m_.B(), 1, m_.S(), 4}); }

  ValueId attention() {
    const auto kind = static_cast<std::int64_t>(below(5));
    std::vector<ValueId> in = {heads(any()), heads(any()), heads(any())};
    if (kind == RLX_MASK_BOOL) in.push_back(m_.b.reshape(keep_, {m_.B(), 1, 1, m_.S()}));
    if (kind == RLX_MASK_BIAS) in.push_back(below(2) ? m_.b.reshape(m_.b.reduce(RLX_REDUCE_MAX, any(), {2}, false), {m_.B(), 1, 1, m_.S()}) : m_.b.dot(any(), any(), {2}, {2}, {0}, {0}));
    if (kind == RLX_MASK_BIAS && m_.b.shape(in[3]).rank() == 3) in[3] = m_.b.reshape(in[3], {m_.B(), 1, m_.S(), m_.S()});
    if (kind == RLX_MASK_KEY_BOOL) in.push_back(keep_);
    if (kind == RLX_MASK_LENGTHS) in.push_back(lengths_);
    const Attributes attributes{{RLX_ATTR_SCALE, 0.5}, {RLX_ATTR_MASK_KIND, Dim(kind)}, {RLX_ATTR_CAUSAL, Dim(static_cast<std::int64_t>(below(3)))}};
    return m_.b.reshape(add_composite(m_.b, RLX_OP_ATTENTION, in, attributes), {m_.B(), m_.S(), 4});
  }

  ValueId step(int i) {
    switch (below(15)) {
      case 0: return m_.linear(any(), m_.param(join("w", i), {4, 4}));
      case 1: return m_.b.reshape(m_.linear(m_.b.reshape(any(), {m_.B() * m_.S(), 4}), m_.param(join("w", i), {4, 4})), {m_.B(), m_.S(), 4});
      case 2: return m_.add(any(), any());
      case 3: return m_.layer_norm(any(), m_.param(join("g", i), {4}), m_.param(join("h", i), {4}), 2);
      case 4: return m_.softmax(any(), 1 + below(2));
      case 5: return wide(m_.b.reduce(below(2) ? RLX_REDUCE_SUM : RLX_REDUCE_MAX, any(), {1}, true));
      case 6: return m_.div(wide(m_.b.reduce(RLX_REDUCE_SUM, any(), {1}, true)), size(m_.S()));
      case 7: return m_.b.add(RLX_OP_CUMULATE, {any()}, {{RLX_ATTR_FN, Dim(RLX_REDUCE_SUM)}, {RLX_ATTR_AXIS, Dim(1)}, {RLX_ATTR_REVERSE, Dim(static_cast<int>(below(2)))}, {RLX_ATTR_EXCLUSIVE, Dim(0)}});
      case 8: return m_.b.dot(m_.softmax(m_.b.dot(any(), any(), {2}, {2}, {0}, {0}), 2), any(), {2}, {1}, {0}, {0});
      case 9: return m_.add(any(), m_.b.gather(m_.param(join("t", i), {3, 4}), ids_, 0, RLX_INDEX_ERROR, false));
      case 10: return m_.add(any(), m_.b.cast(m_.b.iota(DType::kI64, {m_.B(), m_.S(), 1}, 1), DType::kF32));
      case 11: return m_.add(any(), m_.b.slice(m_.param(join("p", i), {64, 4}), {2, 0}, {m_.S() + 2, 4}, {1, 1}));
      case 12: {
        const ValueId columns = m_.b.reshape(m_.b.transpose(any(), {0, 2, 1}), {m_.B() * 4, m_.S()});
        return m_.b.transpose(m_.b.reshape(m_.b.unary(RLX_UNARY_NEG, columns), {m_.B(), 4, m_.S()}), {0, 2, 1});
      }
      case 13: return m_.mul(any(), wide(m_.b.reshape(m_.b.slice(any(), {0, 0, 0}, {m_.B(), 1, 4}, {1, 1, 1}), {m_.B(), 1, 4})));
      default: return attention();
    }
  }

  Maker m_;
  std::mt19937 random_;
  std::vector<ValueId> values_;
  ValueId ids_, keep_, lengths_;
};

TEST(Padding, NeverLeaksInRandomGraphs) {
  for (std::uint32_t seed = 0; seed < 240; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const auto below = [&](std::uint32_t n) { return static_cast<std::int64_t>(random() % n); };
    const DimBinding real{{"b", 1 + below(3)}, {"s", 1 + below(6)}};
    DimBinding padded = real;
    padded["s"] += below(5);
    std::vector<std::string> symbols = {"s"};
    if (seed % 2) {
      padded["b"] += below(3);
      symbols = seed % 4 == 1 ? std::vector<std::string>{"b", "s"} : std::vector<std::string>{"s", "b"};
    }
    const Graph graph = Grower(seed).grow(1 + static_cast<int>(seed % 9));
    expect_no_leak(seed % 3 ? graph : after_pass(graph, ""), symbols, real, padded, seed);
    if (testing::Test::HasFailure()) return;
  }
}

TEST(Padding, MasksWhatThePassesMadeToo) {
  for (std::uint32_t seed = 1000; seed < 1080; ++seed) {
    SCOPED_TRACE(seed);
    expect_no_leak(after_pass(Grower(seed).grow(6), ""), {"s"}, {{"b", 2}, {"s", 3}}, {{"b", 2}, {"s", 8}}, seed);
    if (testing::Test::HasFailure()) return;
  }
}

TEST(Padding, TellsThePartsOfAFlattenedAxis) {
  Maker m;
  const ValueId rows = m.b.reshape(m.input("x", {m.B(), m.S(), 4}), {m.B() * m.S(), 4});
  const ValueId all = m.b.reduce(RLX_REDUCE_SUM, rows, {0}, false);
  const Graph graph = m.finish({m.b.unary(RLX_UNARY_EXP, rows), all});
  for (const auto& symbols : {std::vector<std::string>{"s"}, {"b"}, {"b", "s"}})
    expect_no_leak(graph, symbols, {{"b", 2}, {"s", 3}}, {{"b", symbols[0] == "b" ? 4 : 2}, {"s", symbols.back() == "s" ? 5 : 3}}, 7);
}

TEST(Padding, RowsPackedByOffsetsStayApartFromPadding) {
  Maker m;
  const ValueId x = m.input("x", {m.S(), 4});
  const ValueId offsets = m.input("offsets", {m.B()}, DType::kI32);
  const ValueId rows = m.b.reshape(x, {1, 1, m.S(), 4});
  const ValueId seen = add_composite(m.b, RLX_OP_ATTENTION, {rows, rows, rows, offsets}, {{RLX_ATTR_MASK_KIND, Dim(RLX_MASK_SEQ_OFFSETS)}});
  const ValueId sums = add_composite(m.b, RLX_OP_SEGMENT_REDUCE, {x, offsets}, {{RLX_ATTR_FN, Dim(RLX_REDUCE_SUM)}});
  m.graph.symbols["b"] = {1, 9};
  const Graph graph = m.finish({m.b.reshape(seen, {m.S(), 4}), sums});
  const auto form = pad_symbols(graph, std::vector<std::string>{"s"});
  ASSERT_TRUE(form) << form.error().to_string();
  std::mt19937 random(3);
  const Tensor exact = random_tensor(DType::kF32, {5, 4}, random);
  Tensor at(DType::kI32, {3}), length(DType::kI64, {});
  at.i = {0, 2, 5};
  length.i = {5};
  const Tensor larger = in_front(exact, poison(DType::kF32, {8, 4}));
  const auto wanted = run(graph, {{"b", 3}, {"s", 5}}, {exact, at}, 1), got = run(form->graph, {{"b", 3}, {"s", 8}}, {larger, at, length}, 1);
  ASSERT_TRUE(wanted) << wanted.error().to_string();
  ASSERT_TRUE(got) << got.error().to_string();
  EXPECT_EQ(front_of(*(*got)[0], {5, 4}).v, (*wanted)[0]->v);
  EXPECT_EQ((*got)[1]->v, (*wanted)[1]->v);
  at.i = {0, 2, 6};  // past what is real: an error as it is without padding
  EXPECT_FALSE(run(form->graph, {{"b", 3}, {"s", 8}}, {larger, at, length}, 1));
}

/// y made of x [b, s, 4] by `make`.
Graph made_by(const std::function<ValueId(Maker&, ValueId)>& make) {
  Maker m;
  const ValueId x = m.input("x", {m.B(), m.S(), 4});
  return m.finish({make(m, x)});
}

TEST(Padding, RefusesByName) {
  const auto B = Maker::B(), S = Maker::S();
  expect_refused(made_by([&](Maker& m, ValueId x) { return m.b.slice(x, {0, S - 1, 0}, {B, S, 4}, {1, 1, 1}); }), {"s"}, {"`slice`", "`s`", "s - 1"});
  expect_refused(made_by([&](Maker& m, ValueId x) { return m.b.concat({x, m.input("more", {B, 1, 4})}, 1); }), {"s"}, {"`concat`", "axis 1"});
  expect_refused(made_by([&](Maker& m, ValueId x) { return m.b.gather(x, m.input("at", {2}, DType::kI64), 1, RLX_INDEX_ERROR, false); }), {"s"}, {"`gather`", "indices"});
  expect_refused(made_by([&](Maker& m, ValueId x) { return m.b.add(RLX_OP_NONZERO, {m.b.cast(x, DType::kBool)}); }), {"s"}, {"`nonzero`"});
  expect_refused(made_by([&](Maker& m, ValueId x) { return m.b.reshape(x, {S, B, 4}); }), {"s"}, {"`reshape`"});
  const Attributes last{{RLX_ATTR_FN, Dim(RLX_REDUCE_MAX)}, {RLX_ATTR_AXIS, Dim(1)}, {RLX_ATTR_KEEP, Dim(0)}, {RLX_ATTR_TIE, Dim(1)}};
  expect_refused(made_by([&](Maker& m, ValueId x) { return m.b.add(RLX_OP_ARG_REDUCE, {x}, last); }), {"s"}, {"`arg_reduce`", "last"});
  expect_refused(made_by([&](Maker& m, ValueId x) { return m.b.add(RLX_OP_CONV, {m.b.reshape(x, {B, 1, S, 4}), m.param("w", {2, 1, 1, 1})}); }), {"s"}, {"`conv`", "padded"});
  expect_refused(made_by([](Maker&, ValueId x) { return x; }), {"t"}, {"`t`", "b, s"});
  Maker twice;
  expect_refused(twice.finish({twice.b.unary(RLX_UNARY_EXP, twice.input("x", {S * 2}))}), {"s"}, {"input `x`", "2*s"});
}

TEST(Padding, ImagesBesideEachOtherMayBePadded) {
  Maker m;
  const ValueId y = m.b.add(RLX_OP_CONV, {m.input("x", {m.B(), 2, 5, 5}), m.param("w", {3, 2, 3, 3})});
  expect_no_leak(m.finish({y}), {"b"}, {{"b", 2}, {"s", 1}}, {{"b", 4}, {"s", 1}}, 5);
}

TEST(Padding, GreatestAndFirstPlacesAreOfWhatIsReal) {
  Maker m;
  const ValueId x = m.input("x", {m.B(), m.S()});
  const Attributes axis{{RLX_ATTR_AXIS, Dim(1)}};
  Attributes arg = axis, top = axis;
  arg[RLX_ATTR_FN] = Dim(RLX_REDUCE_MIN);
  arg[RLX_ATTR_KEEP] = arg[RLX_ATTR_TIE] = Dim(0);
  top[RLX_ATTR_K] = Dim(2);
  top[RLX_ATTR_LARGEST] = top[RLX_ATTR_SORTED] = Dim(1);
  const ValueId least = m.b.add(RLX_OP_ARG_REDUCE, {x}, arg), most = m.b.add(RLX_OP_TOP_K, {x}, top);
  expect_no_leak(m.finish({least, most, most + 1}), {"s"}, {{"b", 3}, {"s", 4}}, {{"b", 3}, {"s", 9}}, 11);
}

TEST(Padding, RealSizesOfExpressionsAreNumbersOfTheRun) {
  Maker m;
  const ValueId x = m.input("x", {m.S()});
  const std::vector<Dim> sizes = {m.S(), m.S() * m.S() + 3, floor_div(m.S(), 4), ceil_div(m.S(), 4), mod(m.S(), 4), min(m.S(), 6), max(m.S(), 6)};
  std::vector<ValueId> outputs = {m.b.unary(RLX_UNARY_NEG, x)};
  for (const Dim& size : sizes) outputs.push_back(m.b.binary(RLX_BINARY_ADD, m.b.dim(size), m.b.dim(size)));
  const Graph graph = m.finish(outputs);
  for (const std::int64_t real : {1, 4, 5, 7}) expect_no_leak(graph, {"s"}, {{"b", 1}, {"s", real}}, {{"b", 1}, {"s", 8}}, 2);
}

}  // namespace
}  // namespace rlx::test
