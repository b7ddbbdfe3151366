// SPDX-License-Identifier: Apache-2.0
// Products of matrices.
#include <array>

#include "runtime/import/onnx/op_table.h"

namespace rlx::onnx_import {
namespace {

void matmul(Node& node) { node.out(0, node.b.matmul(node.in(0), node.in(1))); }

/// A vector of exactly N: what linear takes as its bias.
bool is_bias(Node& node, const Size& n) {
  const Sizes dims = node.dims(2);
  return dims.size() == 1 && Element::size(dims[0]).same(Element::size(n));
}

void gemm(Node& node) {
  const double alpha = node.real("alpha", 1), beta = node.real("beta", 1);
  const bool turn_a = node.integer("transA", 0) != 0, turn_b = node.integer("transB", 0) != 0;
  const Sizes w = node.dims(1);
  if (node.rank(0) != 2 || w.size() != 2)
    return node.fault("operands of rank " + std::to_string(node.rank(0)) + " and " +
                      std::to_string(w.size()) + ", wanted 2 and 2");
  Handle a = node.in(0);
  if (turn_a) a = node.b.transpose(a, {1, 0});
  const bool plain = alpha == 1 && beta == 1 && is_float(node.dtype(0));
  if (plain && (!node.has(2) || is_bias(node, w[turn_b ? 0 : 1])))
    return node.out(
        0, node.b.linear(a, node.in(1), node.has(2) ? node.in(2) : Handle{}, Activation::kNone, turn_b));
  Handle y = node.b.matmul(a, turn_b ? node.b.transpose(node.in(1), {1, 0}) : node.in(1));
  if (alpha != 1) y = node.b.mul(y, node.like(alpha, y));
  if (node.has(2) && beta != 0) {
    const Handle c = node.in(2);
    y = node.b.add(y, beta == 1 ? c : node.b.mul(c, node.like(beta, c)));
  }
  node.out(0, y);
}

constexpr std::array kLinearRows = {
    OpRow{"MatMul", 2, 2, 1, matmul, nullptr},
    OpRow{"Gemm", 2, 3, 1, gemm, nullptr},
};

}  // namespace

std::span<const OpRow> linear_ops() { return kLinearRows; }

}  // namespace rlx::onnx_import
