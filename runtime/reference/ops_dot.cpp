// SPDX-License-Identifier: Apache-2.0
// dot and linear.
#include <algorithm>

#include "runtime/reference/product.h"

namespace rlx::reference {
namespace {

/// `x` seen with its axes in another order.
TensorPtr reordered(const Operand& x, const std::vector<std::size_t>& order) {
  Operand view = x;
  for (std::size_t n = 0; n < order.size(); ++n) {
    view.dims[n] = x.dims[order[n]];
    view.strides[n] = x.strides[order[n]];
  }
  return view.load();
}

std::vector<std::size_t> axes(const Sizes& list) { return {list.begin(), list.end()}; }

std::vector<std::size_t> free_axes(std::size_t rank, const Sizes& batch, const Sizes& contract) {
  std::vector<std::size_t> out;
  const auto in = [](const Sizes& list, std::size_t axis) {
    return std::find(list.begin(), list.end(), static_cast<std::int64_t>(axis)) != list.end();
  };
  for (std::size_t axis = 0; axis < rank; ++axis)
    if (!in(batch, axis) && !in(contract, axis)) out.push_back(axis);
  return out;
}

std::size_t size_of(const Operand& x, const std::vector<std::size_t>& list) {
  std::int64_t size = 1;
  for (const std::size_t axis : list) size *= x.dims[axis];
  return static_cast<std::size_t>(size);
}

std::vector<std::size_t> joined(std::initializer_list<std::vector<std::size_t>> lists) {
  std::vector<std::size_t> out;
  for (const auto& list : lists) out.insert(out.end(), list.begin(), list.end());
  return out;
}

const double* bounds_of(const Tensor& x, std::size_t at) { return x.e.empty() ? nullptr : x.e.data() + at; }

}  // namespace

Status run_dot(Call& call) {
  const Sizes contract_a = call.integers(RLX_ATTR_CONTRACT_A),
              contract_b = call.integers(RLX_ATTR_CONTRACT_B);
  const Sizes batch_a = call.integers(RLX_ATTR_BATCH_A), batch_b = call.integers(RLX_ATTR_BATCH_B);
  const auto free_a = free_axes(call.rank(0), batch_a, contract_a),
             free_b = free_axes(call.rank(1), batch_b, contract_b);
  const std::size_t batches = size_of(call.in[0], axes(batch_a)), k = size_of(call.in[0], axes(contract_a));
  const std::size_t m = size_of(call.in[0], free_a), n = size_of(call.in[1], free_b);
  const TensorPtr a = factor(call, reordered(call.in[0], joined({axes(batch_a), free_a, axes(contract_a)})));
  const TensorPtr b = factor(call, reordered(call.in[1], joined({axes(batch_b), axes(contract_b), free_b})));
  Tensor& y = call.out[0];
  if (y.real() && call.bounds) y.need_bounds();
  const double roundoff = gamma(accumulator_of(call, y.dtype), static_cast<double>(k) + 1);
  for (std::size_t batch = 0; batch < batches; ++batch) {
    const std::size_t at_a = batch * m * k, at_b = batch * k * n, at_y = batch * m * n;
    if (y.real())
      multiply({m, k, n, a->v.data() + at_a, bounds_of(*a, at_a), b->v.data() + at_b, bounds_of(*b, at_b),
                y.v.data() + at_y, call.bounds ? y.e.data() + at_y : nullptr, roundoff, call.independent,
                underflow(call.unit(y.dtype), k)});
    else
      multiply_integers(m, k, n, a->i.data() + at_a, b->i.data() + at_b, y.i.data() + at_y);
  }
  if (!y.real())
    for (std::int64_t& value : y.i) value = wrap(y.dtype, value);
  finish(call, y);
  return {};
}

Status run_linear(Call& call) {
  const auto parts = static_cast<std::size_t>(call.integer(RLX_ATTR_PARTS, 1));
  const bool bias = call.integer(RLX_ATTR_HAS_BIAS, 0) != 0,
             residual = call.integer(RLX_ATTR_HAS_RESIDUAL, 0) != 0;
  const bool nk = call.integer(RLX_ATTR_W_LAYOUT, RLX_W_LAYOUT_KN) == RLX_W_LAYOUT_NK;
  const std::vector<double> alphas = call.reals(RLX_ATTR_ALPHAS);
  const std::int64_t act = call.integer(RLX_ATTR_ACT, RLX_ACT_NONE);
  const double act_alpha = call.real(RLX_ATTR_ACT_ALPHA, NAN), act_beta = call.real(RLX_ATTR_ACT_BETA, NAN);
  const TensorPtr x = factor(call, call.load(0)), extra = residual ? call.load(call.in.size() - 1) : nullptr;
  for (std::size_t part = 0; part < parts; ++part) {
    const TensorPtr w = factor(
        call,
        reordered(call.in[1 + part], nk ? std::vector<std::size_t>{1, 0} : std::vector<std::size_t>{0, 1}));
    const TensorPtr b = bias ? call.load(1 + parts + part) : nullptr;
    Tensor& y = call.out[part];
    const auto k = static_cast<std::size_t>(w->dims[0]), n = static_cast<std::size_t>(w->dims[1]);
    const std::size_t m = n ? y.count() / n : 0;
    const Unit unit = call.unit(y.dtype);
    std::vector<double> error(call.bounds ? y.count() : 0);
    // alpha, bias and a folded scale round along with the products.
    multiply({m, k, n, x->v.data(), bounds_of(*x, 0), w->v.data(), bounds_of(*w, 0), y.v.data(),
              call.bounds ? error.data() : nullptr,
              gamma(accumulator_of(call, y.dtype), static_cast<double>(k) + 3), call.independent,
              underflow(unit, k)});
    // Between the steps of the expansion a narrow dtype rounds, too.
    for (std::size_t at = 0; at < y.count(); ++at) {
      Num z{y.v[at], call.bounds ? error[at] : 0};
      if (!alphas.empty() && alphas[part] != 1)
        z = mul(unit, stored(unit, z), rounded(unit, alphas[part], 0, is_exact(unit, alphas[part]) ? 0 : 1));
      if (b) z = add(unit, stored(unit, z), call.get(*b, at % n));
      z = activation(unit, act, act_alpha, act_beta, rounds_once(act) ? z : stored(unit, z));
      if (extra) z = add(unit, stored(unit, z), call.get(*extra, at));
      call.set(y, at, z);
    }
    finish(call, y);
  }
  return {};
}

}  // namespace rlx::reference
