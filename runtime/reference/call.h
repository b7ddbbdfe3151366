// SPDX-License-Identifier: Apache-2.0
// One op under way, as the functions that define ops see it, and the table of those functions.
#pragma once

#include <functional>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/ir/lir/module.h"
#include "runtime/reference/number.h"
#include "runtime/reference/tensor.h"

namespace rlx::reference {

struct Call {
  const lir::Op& op;
  std::vector<Operand> in;
  std::vector<Tensor> out;   ///< of the results' dtypes and dims, zero
  bool bounds = false;       ///< whether anyone asks for e
  bool independent = false;  ///< how bounds add up
  Precision precision = Precision::kF32;  ///< of products
  /// Runs region `index` of the op over tensors, one per parameter (null where absent).
  std::function<Result<std::vector<TensorPtr>>(std::size_t index, const std::vector<TensorPtr>& params)>
      region;
  /// Between the rounds of a loop: cancellation, deadline.
  std::function<Status()> poll;

  Unit unit(DType type) const { return unit_of(type, independent); }
  bool has(std::size_t operand) const { return operand < in.size() && in[operand].present(); }
  TensorPtr load(std::size_t operand) const { return in[operand].load(); }
  std::size_t rank(std::size_t operand) const { return in[operand].dims.size(); }
  std::int64_t integer(std::uint32_t key, std::int64_t otherwise) const;
  double real(std::uint32_t key, double otherwise) const;
  DType dtype(std::uint32_t key, DType otherwise) const;
  /// Empty where absent.
  Sizes integers(std::uint32_t key) const;
  std::vector<double> reals(std::uint32_t key) const;
  /// `integers`, or `size` times `otherwise`.
  Sizes integers_or(std::uint32_t key, std::size_t size, std::int64_t otherwise) const;
  /// Sets element `at` of a float result.
  void set(Tensor& y, std::size_t at, Num value) const {
    y.v[at] = value.v;
    if (value.e != 0 && bounds) {
      y.need_bounds();
      y.e[at] = value.e;
    }
  }
  Num get(const Tensor& x, std::size_t at) const { return {x.v[at], bounds ? x.bound(at) : 0}; }
};

using OpFunction = Status (*)(Call&);

/// The direct definition of an op; null where there is none (composites then have a region).
OpFunction function_of(Opcode opcode);

/// Ends every float result of `call`: rounding of narrow dtypes, overflow, no NaN among bounds.
void finish(const Call& call, Tensor& y);

// One declaration per family file.
Status run_copy(Call&);
Status run_unary(Call&);
Status run_binary(Call&);
Status run_compare(Call&);
Status run_select(Call&);
Status run_cast(Call&);
Status run_bitcast(Call&);
Status run_act(Call&);
Status run_gated_act(Call&);
Status run_iota(Call&);
Status run_dynamic_slice(Call&);
Status run_dynamic_update_slice(Call&);
Status run_concat(Call&);
Status run_pad(Call&);
Status run_gather(Call&);
Status run_gather_elements(Call&);
Status run_gather_nd(Call&);
Status run_scatter_elements(Call&);
Status run_scatter_nd(Call&);
Status run_reduce(Call&);
Status run_arg_reduce(Call&);
Status run_cumulate(Call&);
Status run_top_k(Call&);
Status run_nonzero(Call&);
Status run_dot(Call&);
Status run_linear(Call&);
Status run_conv(Call&);
Status run_conv_act(Call&);
Status run_reduce_window(Call&);
Status run_avg_pool(Call&);
Status run_rng_bits(Call&);
Status run_if(Call&);
Status run_while(Call&);
Status run_region(Call&);
Status run_softmax(Call&);
Status run_layer_norm(Call&);
Status run_rms_norm(Call&);
Status run_group_norm(Call&);
Status run_batch_norm(Call&);
Status run_embed_norm(Call&);
Status run_attention(Call&);
Status run_rope(Call&);
Status run_segment_reduce(Call&);

/// Index `index` of an axis of `size` under an op's policy; -1 where the element is zero by policy.
/// Errors: kDataError naming value and range.
Result<std::int64_t> resolve_index(const Call& call, std::int64_t index, std::int64_t size);

}  // namespace rlx::reference
