// SPDX-License-Identifier: Apache-2.0
// The interpreter of eval.h. An op that it does not know fails the test that needed it.
#include "eval.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace rlx::test {

using Index = std::vector<std::int64_t>;

std::int64_t Tensor::size() const {
  std::int64_t n = 1;
  for (const std::int64_t d : dims) n *= d;
  return n;
}

/// An axis of size 1 is read at 0, so that operands broadcast; the index may have more axes than the tensor.
double Tensor::at(const Index& index) const {
  std::int64_t offset = 0;
  const std::size_t lead = index.size() - dims.size();
  for (std::size_t k = 0; k < dims.size(); ++k)
    offset = offset * dims[k] + (dims[k] == 1 ? 0 : index[lead + k]);
  return data.at(static_cast<std::size_t>(offset));
}

namespace {

struct Call {
  const Node& node;
  std::vector<const Tensor*> in;
  const DimBinding& binding;

  const Tensor& x(std::size_t i = 0) const { return *in[i]; }
  std::int64_t number(std::uint32_t key, std::int64_t otherwise = 0) const {
    const auto found = node.attributes.find(key);
    return found == node.attributes.end() ? otherwise
                                          : std::get<Dim>(found->second).evaluate(binding).value();
  }
  Index list(std::uint32_t key, std::size_t size = 0, std::int64_t otherwise = 0) const {
    const auto found = node.attributes.find(key);
    if (found == node.attributes.end()) return Index(size, otherwise);
    return rlx::evaluate(std::get<Dims>(found->second), binding).value();
  }
};

template <class Body>
Tensor make(Index dims, Body body) {
  Tensor t{std::move(dims), {}};
  for_each(t.dims, [&](const Index& index) { t.data.push_back(body(index)); });
  return t;
}

Index joined(const std::vector<const Tensor*>& in) {
  Index dims = in[0]->dims;
  for (const Tensor* t : in)
    for (std::size_t k = 0; k < dims.size(); ++k)
      if (dims[k] == 1) dims[k] = t->dims[k];
  return dims;
}

double unary(std::int64_t fn, double x) {
  switch (fn) {
    case RLX_UNARY_NEG:
      return -x;
    case RLX_UNARY_ABS:
      return std::fabs(x);
    case RLX_UNARY_EXP:
      return std::exp(x);
    case RLX_UNARY_EXPM1:
      return std::expm1(x);
    case RLX_UNARY_LOG:
      return std::log(x);
    case RLX_UNARY_LOG1P:
      return std::log1p(x);
    case RLX_UNARY_RSQRT:
      return 1 / std::sqrt(x);
    case RLX_UNARY_TANH:
      return std::tanh(x);
    case RLX_UNARY_ERF:
      return std::erf(x);
    case RLX_UNARY_SIGMOID:
      return 1 / (1 + std::exp(-x));
    default:
      ADD_FAILURE() << "unary " << fn;
      return 0;
  }
}

double binary(std::int64_t fn, double a, double b) {
  switch (fn) {
    case RLX_BINARY_ADD:
      return a + b;
    case RLX_BINARY_SUB:
      return a - b;
    case RLX_BINARY_MUL:
      return a * b;
    case RLX_BINARY_DIV:
      return a / b;
    case RLX_BINARY_MAX:
      return std::isnan(a) || a > b ? a : b;
    case RLX_BINARY_MIN:
      return std::isnan(a) || a < b ? a : b;
    case RLX_BINARY_AND:
      return a != 0 && b != 0;
    default:
      ADD_FAILURE() << "binary " << fn;
      return 0;
  }
}

double compare(std::int64_t fn, double a, double b) {
  switch (fn) {
    case RLX_COMPARE_EQ:
      return a == b;
    case RLX_COMPARE_NE:
      return a != b;
    case RLX_COMPARE_LT:
      return a < b;
    case RLX_COMPARE_LE:
      return a <= b;
    case RLX_COMPARE_GT:
      return a > b;
    default:
      return a >= b;
  }
}

double start_of(std::int64_t fn) {
  if (fn == RLX_REDUCE_MAX) return -std::numeric_limits<double>::infinity();
  if (fn == RLX_REDUCE_MIN) return std::numeric_limits<double>::infinity();
  return fn == RLX_REDUCE_PROD ? 1 : 0;
}

double fold(std::int64_t fn, double a, double b) {
  if (fn == RLX_REDUCE_MAX) return binary(RLX_BINARY_MAX, a, b);
  if (fn == RLX_REDUCE_MIN) return binary(RLX_BINARY_MIN, a, b);
  return fn == RLX_REDUCE_PROD ? a * b : a + b;
}

Tensor slice(const Call& c) {
  const Index start = c.list(RLX_ATTR_START), limit = c.list(RLX_ATTR_LIMIT), step = c.list(RLX_ATTR_STEP);
  Index dims;
  for (std::size_t k = 0; k < start.size(); ++k) {
    const std::int64_t span = step[k] > 0 ? limit[k] - start[k] : start[k] - limit[k];
    dims.push_back((span + std::abs(step[k]) - 1) / std::abs(step[k]));
  }
  return make(dims, [&](Index index) {
    for (std::size_t k = 0; k < index.size(); ++k) index[k] = start[k] + index[k] * step[k];
    return c.x().at(index);
  });
}

Tensor concat(const Call& c) {
  const auto axis = static_cast<std::size_t>(c.number(RLX_ATTR_AXIS));
  Index dims = c.x().dims;
  dims[axis] = 0;
  for (const Tensor* t : c.in) dims[axis] += t->dims[axis];
  return make(dims, [&](Index index) {
    std::size_t part = 0;
    while (index[axis] >= c.x(part).dims[axis]) index[axis] -= c.x(part++).dims[axis];
    return c.x(part).at(index);
  });
}

Tensor gather_rows(const Call& c) {
  EXPECT_EQ(c.number(RLX_ATTR_AXIS), 0);
  Index dims = c.x(1).dims;
  dims.insert(dims.end(), c.x().dims.begin() + 1, c.x().dims.end());
  const auto rank = static_cast<std::ptrdiff_t>(c.x(1).dims.size());
  return make(dims, [&](const Index& index) {
    Index at{static_cast<std::int64_t>(c.x(1).at(Index(index.begin(), index.begin() + rank)))};
    at.insert(at.end(), index.begin() + rank, index.end());
    return c.x().at(at);
  });
}

Tensor reduce(const Call& c) {
  const Index axes = c.list(RLX_ATTR_AXES);
  const bool keep = c.number(RLX_ATTR_KEEP) != 0;
  const std::int64_t fn = c.number(RLX_ATTR_FN);
  Index kept = c.x().dims, inner(kept.size(), 1), shown;
  for (const std::int64_t axis : axes) {
    inner[static_cast<std::size_t>(axis)] = kept[static_cast<std::size_t>(axis)];
    kept[static_cast<std::size_t>(axis)] = 1;
  }
  Tensor y = make(kept, [&](const Index& base) {
    double sum = start_of(fn);
    for_each(inner, [&](Index index) {
      for (std::size_t k = 0; k < index.size(); ++k) index[k] += base[k];
      sum = fold(fn, sum, c.x().at(index));
    });
    return sum;
  });
  for (std::size_t k = 0; k < kept.size(); ++k)
    if (keep || std::find(axes.begin(), axes.end(), static_cast<std::int64_t>(k)) == axes.end())
      shown.push_back(kept[k]);
  y.dims = shown;
  return y;
}

Index free_axes(const Tensor& t, const Index& contract, const Index& batch) {
  Index axes;
  for (std::int64_t k = 0; k < static_cast<std::int64_t>(t.dims.size()); ++k)
    if (std::find(contract.begin(), contract.end(), k) == contract.end() &&
        std::find(batch.begin(), batch.end(), k) == batch.end())
      axes.push_back(k);
  return axes;
}

Tensor dot(const Call& c) {
  const Index ca = c.list(RLX_ATTR_CONTRACT_A), cb = c.list(RLX_ATTR_CONTRACT_B);
  const Index ba = c.list(RLX_ATTR_BATCH_A), bb = c.list(RLX_ATTR_BATCH_B);
  const Index fa = free_axes(c.x(0), ca, ba), fb = free_axes(c.x(1), cb, bb);
  const auto size = [](const Tensor& t, std::int64_t axis) { return t.dims[static_cast<std::size_t>(axis)]; };
  Index dims, inner;
  for (const std::int64_t axis : ba) dims.push_back(size(c.x(0), axis));
  for (const std::int64_t axis : fa) dims.push_back(size(c.x(0), axis));
  for (const std::int64_t axis : fb) dims.push_back(size(c.x(1), axis));
  for (const std::int64_t axis : ca) inner.push_back(size(c.x(0), axis));
  return make(dims, [&](const Index& index) {
    Index a(c.x(0).dims.size()), b(c.x(1).dims.size());
    std::size_t k = 0;
    for (std::size_t i = 0; i < ba.size(); ++i, ++k)
      a[static_cast<std::size_t>(ba[i])] = b[static_cast<std::size_t>(bb[i])] = index[k];
    for (const std::int64_t axis : fa) a[static_cast<std::size_t>(axis)] = index[k++];
    for (const std::int64_t axis : fb) b[static_cast<std::size_t>(axis)] = index[k++];
    double sum = 0;
    for_each(inner, [&](const Index& at) {
      for (std::size_t i = 0; i < ca.size(); ++i)
        a[static_cast<std::size_t>(ca[i])] = b[static_cast<std::size_t>(cb[i])] = at[i];
      sum += c.x(0).at(a) * c.x(1).at(b);
    });
    return sum;
  });
}

/// Sums over windows of x; weights (conv without groups) or 1.
Tensor slide(const Call& c, const Tensor* w) {
  const std::size_t spatial = c.x().dims.size() - 2;
  const Index window = w ? Index(w->dims.begin() + 2, w->dims.end()) : c.list(RLX_ATTR_WINDOW);
  const Index stride = c.list(RLX_ATTR_STRIDES, spatial, 1), dilation = c.list(RLX_ATTR_DILATION, spatial, 1);
  const Index low = c.list(RLX_ATTR_LOW, spatial, 0), high = c.list(RLX_ATTR_HIGH, spatial, 0);
  EXPECT_EQ(c.number(RLX_ATTR_GROUPS, 1), 1);
  Index dims{c.x().dims[0], w ? w->dims[0] : c.x().dims[1]};
  for (std::size_t k = 0; k < spatial; ++k)
    dims.push_back((low[k] + c.x().dims[k + 2] + high[k] - ((window[k] - 1) * dilation[k] + 1)) / stride[k] +
                   1);
  Index inner = window;
  inner.insert(inner.begin(), w ? w->dims[1] : 1);
  return make(dims, [&](const Index& out) {
    double sum = 0;
    for_each(inner, [&](const Index& tap) {
      Index at{out[0], w ? tap[0] : out[1]}, weight{out[1], tap[0]};
      for (std::size_t k = 0; k < spatial; ++k) {
        at.push_back(out[k + 2] * stride[k] + tap[k + 1] * dilation[k] - low[k]);
        weight.push_back(tap[k + 1]);
        if (at.back() < 0 || at.back() >= c.x().dims[k + 2]) return;
      }
      sum += c.x().at(at) * (w ? w->at(weight) : 1);
    });
    return sum;
  });
}

Tensor transpose(const Call& c) {
  const Index perm = c.list(RLX_ATTR_PERM);
  Index dims;
  for (const std::int64_t axis : perm) dims.push_back(c.x().dims[static_cast<std::size_t>(axis)]);
  return make(dims, [&](const Index& index) {
    Index at(index.size());
    for (std::size_t k = 0; k < perm.size(); ++k) at[static_cast<std::size_t>(perm[k])] = index[k];
    return c.x().at(at);
  });
}

Tensor run(const Call& c) {
  switch (c.node.op) {
    case RLX_OP_UNARY:
      return make(c.x().dims, [&](const Index& i) { return unary(c.number(RLX_ATTR_FN), c.x().at(i)); });
    case RLX_OP_BINARY:
      return make(joined(c.in),
                  [&](const Index& i) { return binary(c.number(RLX_ATTR_FN), c.x().at(i), c.x(1).at(i)); });
    case RLX_OP_COMPARE:
      return make(joined(c.in),
                  [&](const Index& i) { return compare(c.number(RLX_ATTR_FN), c.x().at(i), c.x(1).at(i)); });
    case RLX_OP_SELECT:
      return make(joined(c.in),
                  [&](const Index& i) { return c.x().at(i) != 0 ? c.x(1).at(i) : c.x(2).at(i); });
    case RLX_OP_CAST:
      return c.x();
    case RLX_OP_IOTA: {
      const auto axis = static_cast<std::size_t>(c.number(RLX_ATTR_AXIS));
      return make(c.list(RLX_ATTR_DIMS), [&](const Index& i) { return static_cast<double>(i[axis]); });
    }
    case RLX_OP_DIM:
      return Tensor{{}, {static_cast<double>(c.number(RLX_ATTR_VALUE))}};
    case RLX_OP_RESHAPE:
      return Tensor{c.list(RLX_ATTR_DIMS), c.x().data};
    case RLX_OP_TRANSPOSE:
      return transpose(c);
    case RLX_OP_BROADCAST:
      return make(c.list(RLX_ATTR_DIMS), [&](const Index& i) { return c.x().at(i); });
    case RLX_OP_SLICE:
      return slice(c);
    case RLX_OP_CONCAT:
      return concat(c);
    case RLX_OP_GATHER:
      return gather_rows(c);
    case RLX_OP_REDUCE:
      return reduce(c);
    case RLX_OP_DOT:
      return dot(c);
    case RLX_OP_CONV:
      return slide(c, &c.x(1));
    case RLX_OP_REDUCE_WINDOW:
      return slide(c, nullptr);
    default:
      ADD_FAILURE() << "no evaluation of " << op_name(c.node.op);
      return {};
  }
}

double scalar_value(const Constant& constant) {
  const std::byte* bytes = constant.bytes->data();
  const auto as = [&]<class T>(T value) {
    std::memcpy(&value, bytes, sizeof value);
    return static_cast<double>(value);
  };
  switch (constant.shape.dtype) {
    case DType::kI64:
      return as(std::int64_t{});
    case DType::kF32:
      return as(float{});
    case DType::kF64:
      return as(double{});
    default:
      ADD_FAILURE() << "a constant of " << dtype_name(constant.shape.dtype);
      return 0;
  }
}

}  // namespace

std::vector<Tensor> evaluate(const Graph& region, const std::vector<Tensor>& inputs,
                             const DimBinding& binding) {
  std::vector<Tensor> values(region.values.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) values[region.inputs[i]] = inputs[i];
  for (std::size_t i = 0; i < values.size(); ++i)
    if (region.values[i].kind == ValueKind::kConstant)
      values[i] = Tensor{{}, {scalar_value(region.constants[region.values[i].index])}};
  for (const Node& node : region.nodes) {
    Call call{node, {}, binding};
    for (const ValueId operand : node.operands) call.in.push_back(&values[operand]);
    Tensor result = run(call);
    EXPECT_EQ(result.dims, rlx::evaluate(region.values[node.results[0]].shape.dims, binding).value())
        << op_name(node.op) << ": inferred " << to_string(region.values[node.results[0]].shape);
    values[node.results[0]] = std::move(result);
  }
  std::vector<Tensor> outputs;
  for (const Output& output : region.outputs) outputs.push_back(values[output.value]);
  return outputs;
}

}  // namespace rlx::test
