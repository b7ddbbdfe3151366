// SPDX-License-Identifier: Apache-2.0
// Compiles dot and linear: f32 on packed panels, everything else on the generic kernel.
#include "compile_matmul.h"
#include "kernels/generic/contraction.h"

namespace rlx_cpu {
namespace {

bool read_axes(const std::vector<int64_t>& list, uint32_t rank, uint32_t* axes, uint32_t* seen) {
  if (list.size() > RLX_MAX_RANK) return false;
  for (size_t i = 0; i < list.size(); ++i) {
    if (list[i] < 0 || list[i] >= static_cast<int64_t>(rank) || (*seen >> list[i] & 1) != 0) return false;
    *seen |= 1u << list[i];
    axes[i] = static_cast<uint32_t>(list[i]);
  }
  return true;
}

struct DotShape {
  DotAttrs attrs;
  std::vector<uint32_t> free_a, free_b;
  int64_t batches = 1, m = 1, n = 1, k = 1;
};

/// Reads the attributes and checks that operands and result fit.
std::optional<Answer> read_dot(OpContext& c, DotShape* dot) {
  const View a = c.x(0), b = c.x(1), y = c.y(0);
  DotAttrs& attrs = dot->attrs;
  const auto contract_a = c.list(RLX_ATTR_CONTRACT_A), contract_b = c.list(RLX_ATTR_CONTRACT_B);
  const auto batch_a = c.list(RLX_ATTR_BATCH_A), batch_b = c.list(RLX_ATTR_BATCH_B);
  uint32_t seen_a = 0, seen_b = 0;
  if (contract_a.size() != contract_b.size() || !read_axes(contract_a, a.rank, attrs.contract_a, &seen_a) ||
      !read_axes(contract_b, b.rank, attrs.contract_b, &seen_b)) {
    return c.about_attr(RLX_ATTR_CONTRACT_A, "and CONTRACT_B do not name axes of the operands");
  }
  if (batch_a.size() != batch_b.size() || !read_axes(batch_a, a.rank, attrs.batch_a, &seen_a) ||
      !read_axes(batch_b, b.rank, attrs.batch_b, &seen_b)) {
    return c.about_attr(RLX_ATTR_BATCH_A, "and BATCH_B do not name axes of the operands");
  }
  attrs.contract_count = static_cast<uint32_t>(contract_a.size());
  attrs.batch_count = static_cast<uint32_t>(batch_a.size());
  attrs.acc = c.u32(RLX_ATTR_ACC, RLX_DTYPE_NONE);
  std::vector<int64_t> dims;
  for (uint32_t i = 0; i < attrs.contract_count; ++i) {
    if (a.dims[attrs.contract_a[i]] != b.dims[attrs.contract_b[i]]) return c.wrong_dims();
    dot->k *= a.dims[attrs.contract_a[i]];
  }
  for (uint32_t i = 0; i < attrs.batch_count; ++i) {
    if (a.dims[attrs.batch_a[i]] != b.dims[attrs.batch_b[i]]) return c.wrong_dims();
    dims.push_back(a.dims[attrs.batch_a[i]]);
    dot->batches *= dims.back();
  }
  for (uint32_t i = 0; i < a.rank; ++i) {
    if (seen_a >> i & 1) continue;
    dot->free_a.push_back(i), dims.push_back(a.dims[i]);
    dot->m *= a.dims[i];
  }
  for (uint32_t i = 0; i < b.rank; ++i) {
    if (seen_b >> i & 1) continue;
    dot->free_b.push_back(i), dims.push_back(b.dims[i]);
    dot->n *= b.dims[i];
  }
  if (dims.size() != y.rank || !std::equal(dims.begin(), dims.end(), y.dims)) return c.wrong_dims();
  return std::nullopt;
}

/// The one stride with which a run of axes is walked in row-major order, or nothing. One element: 0 will do.
std::optional<int64_t> joint_stride(const View& view, const std::vector<uint32_t>& axes) {
  int64_t stride = 0, count = 1;
  bool first = true;
  for (size_t i = axes.size(); i-- > 0;) {
    if (view.dims[axes[i]] == 1) continue;
    if (first)
      stride = view.strides[axes[i]];
    else if (view.strides[axes[i]] != stride * count)
      return std::nullopt;
    first = false;
    count *= view.dims[axes[i]];
  }
  return stride;
}

std::vector<uint32_t> axes_of(const uint32_t* axes, uint32_t count) { return {axes, axes + count}; }

/// f32 with a B that a set can hold packed: as linear. Nothing where the strides do not allow it.
bool dot_on_packed_param(OpContext& c, const DotShape& dot) {
  const View a = c.x(0), w = c.x(1);
  if (!c.b.is_param(c.in(1)) || dot.attrs.batch_count != 0 || !is_dense(c.y(0))) return false;
  const auto m = joint_stride(a, dot.free_a),
             ka = joint_stride(a, axes_of(dot.attrs.contract_a, dot.attrs.contract_count));
  const auto kb = joint_stride(w, axes_of(dot.attrs.contract_b, dot.attrs.contract_count)),
             n = joint_stride(w, dot.free_b);
  if (!m || !ka || !kb || !n || (*ka != 1 && dot.k > 1)) return false;
  MatmulPlan plan;
  plan.op_index = c.index();
  plan.a = c.in(0);
  plan.a_row_stride = *m;
  plan.rows = dot.m;
  plan.k = dot.k;
  plan.parts.push_back({c.in(1), *kb, *n, dot.n, 1.0f, c.out(0), dot.n, kNoView, kNoView, 0});
  add_matmul(c.b, plan);
  return true;
}

bool dot_of_activations(OpContext& c, const DotShape& dot) {
  const View a = c.x(0), w = c.x(1);
  if (!is_dense(c.y(0))) return false;
  const auto batch_a = joint_stride(a, axes_of(dot.attrs.batch_a, dot.attrs.batch_count));
  const auto batch_b = joint_stride(w, axes_of(dot.attrs.batch_b, dot.attrs.batch_count));
  const auto m = joint_stride(a, dot.free_a),
             ka = joint_stride(a, axes_of(dot.attrs.contract_a, dot.attrs.contract_count));
  const auto kb = joint_stride(w, axes_of(dot.attrs.contract_b, dot.attrs.contract_count)),
             n = joint_stride(w, dot.free_b);
  if (!batch_a || !batch_b || !m || !ka || !kb || !n) return false;
  DotArgs args{};
  args.a_batch_stride = *batch_a, args.a_stride_m = *m, args.a_stride_k = dot.k > 1 ? *ka : 1;
  args.b_batch_stride = *batch_b, args.b_stride_k = *kb, args.b_stride_n = dot.n > 1 ? *n : 1;
  args.c_batch_stride = dot.m * dot.n, args.c_row_stride = dot.n;
  args.m = dot.m, args.n = dot.n, args.k = dot.k;
  const uint64_t scratch = static_cast<uint64_t>(dot_scratch_floats(args)) * sizeof(float);
  if (scratch > (uint64_t(64) << 20)) return false;
  c.b.need_scratch(scratch);
  // Work is cut by batch; by blocks of rows too where batches are few, since each cut packs B again.
  const int64_t row_block =
      dot.batches >= c.b.threads()
          ? std::max<int64_t>(dot.m, 1)
          : std::max<int64_t>(kDotRowBlock, (dot.m + c.b.threads() - 1) / c.b.threads());
  const int64_t blocks = (dot.m + row_block - 1) / row_block;
  const ViewId av = c.in(0), bv = c.in(1), y = c.out(0);
  const double flops = 2.0 * double(dot.batches) * double(dot.m) * double(dot.n) * double(dot.k);
  c.b.step(c.work(dot.batches * blocks, flops / 40 + double(dot.batches * dot.n * dot.k) * 0.5 +
                                            double(element_count(c.y(0))) * 0.1),
           [=](const StepRun& run, Range range) -> KernelStatus {
             DotArgs own = args;
             own.a = static_cast<const float*>(run.views[av].data);
             own.b = static_cast<const float*>(run.views[bv].data);
             own.c = static_cast<float*>(run.views[y].data);
             float* scratch_floats = reinterpret_cast<float*>(run.scratch);
             if (blocks == 1) {
               kernels().dot(own, range.begin, range.end, 0, own.m, scratch_floats);
               return {};
             }
             for (int64_t item = range.begin; item < range.end; ++item) {
               const int64_t row = item % blocks * row_block;
               kernels().dot(own, item / blocks, item / blocks + 1, row, std::min(row + row_block, own.m),
                             scratch_floats);
             }
             return {};
           });
  return true;
}

}  // namespace

Answer compile_dot(Builder& b, const GraphOp& op) {
  OpContext c(b, op);
  RLX_CPU_REQUIRE(c.counts(2, 2, 1, 1));
  DotShape shape;
  RLX_CPU_REQUIRE(read_dot(c, &shape));
  alignas(16) char zero[3][16] = {};
  DotAttrs probe;
  probe.acc = shape.attrs.acc;
  const KernelStatus known =
      dot(dense_view(zero[0], c.x(0).dtype, 0, nullptr), dense_view(zero[1], c.x(1).dtype, 0, nullptr), probe,
          dense_view(zero[2], c.y(0).dtype, 0, nullptr), {0, 1});
  if (!known.ok()) return c.no_dtype(0, c.x(0).dtype);
  const bool f32 = c.x(0).dtype == RLX_DTYPE_F32 && c.x(1).dtype == RLX_DTYPE_F32 &&
                   c.y(0).dtype == RLX_DTYPE_F32 &&
                   (shape.attrs.acc == RLX_DTYPE_NONE || shape.attrs.acc == RLX_DTYPE_F32);
  if (f32 && (dot_on_packed_param(c, shape) || dot_of_activations(c, shape))) return {};
  const ViewId a = c.in(0), w = c.in(1), y = c.out(0);
  const int64_t items = element_count(c.y(0));
  b.step(c.work(items, double(items) * (2.0 + double(shape.k))),
         [=, attrs = shape.attrs](const StepRun& run, Range range) {
           return dot(run.views[a], run.views[w], attrs, run.views[y], range);
         });
  return {};
}

Answer compile_linear(Builder& b, const GraphOp& op) {
  OpContext c(b, op);
  const int64_t parts = c.i64(RLX_ATTR_PARTS, 1);
  if (parts < 1 || parts > 16) return c.about_attr(RLX_ATTR_PARTS, "is not from 1 to 16");
  const uint32_t n = static_cast<uint32_t>(parts);
  const bool has_bias = c.i64(RLX_ATTR_HAS_BIAS) != 0, has_residual = c.i64(RLX_ATTR_HAS_RESIDUAL) != 0;
  const uint32_t wanted = 1 + n + (has_bias ? n : 0) + (has_residual ? 1 : 0);
  RLX_CPU_REQUIRE(c.counts(1 + n, wanted, n, n));
  if (c.operands() != wanted || (has_residual && (n != 1 || !c.present(wanted - 1))))
    return refuse("linear has %u operands, wanted %u", c.operands(), wanted);
  const uint32_t acc = c.u32(RLX_ATTR_ACC, RLX_DTYPE_NONE);
  if (acc != RLX_DTYPE_NONE && acc != RLX_DTYPE_F32) return c.about_attr(RLX_ATTR_ACC, "is not f32");
  for (uint32_t i = 0; i < c.operands(); ++i) {
    if (c.present(i) && c.x(i).dtype != RLX_DTYPE_F32) return c.no_dtype(i, c.x(i).dtype);
  }
  const int64_t layout = c.i64(RLX_ATTR_W_LAYOUT, RLX_W_LAYOUT_KN);
  if (layout != RLX_W_LAYOUT_KN && layout != RLX_W_LAYOUT_NK)
    return c.about_attr(RLX_ATTR_W_LAYOUT, "has an unknown value");
  const uint32_t act = c.u32(RLX_ATTR_ACT);
  if (act > RLX_ACT_THRESHOLDED_RELU) return c.about_attr(RLX_ATTR_ACT, "has an unknown value");
  const std::vector<double> alphas = b.graph().doubles(op, RLX_ATTR_ALPHAS);
  if (!alphas.empty() && alphas.size() != n)
    return c.about_attr(RLX_ATTR_ALPHAS, "has not one entry per part");
  const View x = c.x(0);
  if (x.rank < 1) return c.wrong_dims();
  MatmulPlan plan;
  plan.op_index = c.index();
  plan.k = x.dims[x.rank - 1];
  plan.act = {act, static_cast<float>(act_params(c, act).alpha), static_cast<float>(act_params(c, act).beta)};
  for (uint32_t i = 0; i < n; ++i) {
    const View w = c.x(1 + i), y = c.y(i);
    const uint32_t k_axis = layout == RLX_W_LAYOUT_KN ? 0 : 1;
    if (w.rank != 2 || w.dims[k_axis] != plan.k || y.rank != x.rank || y.dtype != RLX_DTYPE_F32)
      return c.wrong_dims();
    const int64_t columns = w.dims[1 - k_axis];
    if (!std::equal(x.dims, x.dims + x.rank - 1, y.dims) || y.dims[y.rank - 1] != columns)
      return c.wrong_dims();
    const auto rows = rows_of(y, y.rank - 1);
    if (!rows) return refuse("linear: result %u has rows that are not one stride apart", i);
    MatmulPlan::Part part{c.in(1 + i),
                          w.strides[k_axis],
                          w.strides[1 - k_axis],
                          columns,
                          alphas.empty() ? 1.0f : static_cast<float>(alphas[i]),
                          c.out(i),
                          rows->stride,
                          kNoView,
                          kNoView,
                          0};
    if (has_bias && c.present(1 + n + i)) {
      const View bias = c.x(1 + n + i);
      if (element_count(bias) != columns) return c.wrong_dims();
      part.bias = b.dense(c.in(1 + n + i), c.index());
    }
    if (has_residual) {
      const auto residual = b.stretched(c.in(wanted - 1), y.rank, y.dims);
      if (!residual) return c.wrong_dims();
      part.residual = rows_of(b.view(*residual), y.rank - 1) ? *residual : b.dense(*residual, c.index());
      part.residual_row_stride = rows_of(b.view(part.residual), y.rank - 1)->stride;
    }
    plan.rows = rows->count;
    plan.parts.push_back(part);
  }
  plan.a = rows_of(x, x.rank - 1) ? c.in(0) : b.dense(c.in(0), c.index());
  plan.a_row_stride = rows_of(b.view(plan.a), x.rank - 1)->stride;
  add_matmul(b, plan);
  return {};
}

}  // namespace rlx_cpu
