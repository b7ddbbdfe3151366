// SPDX-License-Identifier: Apache-2.0
// Compiles softmax and the normalisations: f32 rows on the row kernels, everything else on the generic ones.
#include "compile_ops.h"
#include "kernels/generic/composite.h"
#include "kernels/generic/reduction.h"

namespace rlx_cpu {
namespace {

constexpr double kRowNs = 0.5;  // per element of a fast row kernel
constexpr double kGenericNs = 6;

std::optional<Answer> all_float(OpContext& c, uint32_t operands) {
  for (uint32_t i = 0; i < operands; ++i) {
    if (!c.present(i)) continue;
    if (!is_float_dtype(c.x(i).dtype) || c.x(i).dtype != c.x(0).dtype) return c.no_dtype(i, c.x(i).dtype);
  }
  for (uint32_t i = 0; i < c.results(); ++i) {
    if (c.y(i).dtype != c.x(0).dtype) return c.wrong_dims();
  }
  return std::nullopt;
}

bool f32_rows(OpContext& c, uint32_t axis) {
  return c.x(0).dtype == RLX_DTYPE_F32 && rows_of(c.x(0), axis) && rows_of(c.y(0), axis);
}

const float* floats(const StepRun& run, ViewId view) {
  return view == kNoView ? nullptr : static_cast<const float*>(run.views[view].data);
}
float* target(const StepRun& run, ViewId view) {
  return view == kNoView ? nullptr : static_cast<float*>(run.views[view].data);
}

/// layer_norm and rms_norm: operands x [, residual], gamma [, beta].
struct Norm {
  ViewId x = kNoView, residual = kNoView, gamma = kNoView, beta = kNoView, y = kNoView, sum = kNoView;
  uint32_t axis = 0;
};

/// The view with dims of x from the axis on, dense; nothing where it has others.
std::optional<ViewId> scale_vector(OpContext& c, uint32_t operand, uint32_t axis) {
  const View x = c.x(0), g = c.x(operand);
  const uint32_t rank = x.rank - axis;
  // Leading ones are allowed: then the vector has the rank of x.
  if (g.rank > x.rank) return std::nullopt;
  for (uint32_t i = 0; i + rank < g.rank; ++i) {
    if (g.dims[i] != 1) return std::nullopt;
  }
  View tail = g;
  const uint32_t skip = g.rank > rank ? g.rank - rank : 0;
  tail.rank = g.rank - skip;
  std::copy(g.dims + skip, g.dims + g.rank, tail.dims);
  std::copy(g.strides + skip, g.strides + g.rank, tail.strides);
  const auto stretched = c.b.stretched(c.b.derive(c.in(operand), tail), rank, x.dims + axis);
  if (!stretched) return std::nullopt;
  return c.b.dense(*stretched, c.index());
}

std::optional<Answer> read_norm(OpContext& c, bool beta_allowed, Norm* norm) {
  const bool has_residual = c.i64(RLX_ATTR_HAS_RESIDUAL) != 0;
  const uint32_t gamma = has_residual ? 2 : 1;
  RLX_CPU_REQUIRE(c.counts(gamma + 1, gamma + 1 + (beta_allowed ? 1 : 0), 1, has_residual ? 2 : 1));
  RLX_CPU_REQUIRE(all_float(c, c.operands()));
  const View x = c.x(0);
  const auto axis = c.axis(x.rank, RLX_ATTR_AXIS, int64_t(x.rank) - 1);
  if (!axis) return c.about_attr(RLX_ATTR_AXIS, "is no axis of operand 0");
  norm->axis = *axis;
  norm->x = c.in(0);
  norm->y = c.out(0);
  if (!same_dims(x, c.y(0))) return c.wrong_dims();
  if (has_residual) {
    const auto stretched = c.b.stretched(c.in(1), x.rank, x.dims);
    if (!stretched) return c.wrong_dims();
    norm->residual = *stretched;
    if (c.results() == 2) {
      norm->sum = c.out(1);
      if (!same_dims(x, c.y(1))) return c.wrong_dims();
    }
  }
  const auto g = scale_vector(c, gamma, *axis);
  if (!g) return c.about(gamma, "has not the dims of operand 0 from the axis on");
  norm->gamma = *g;
  if (beta_allowed && c.present(gamma + 1)) {
    const auto shift = scale_vector(c, gamma + 1, *axis);
    if (!shift) return c.about(gamma + 1, "has not the dims of operand 0 from the axis on");
    norm->beta = *shift;
  }
  return std::nullopt;
}

Builder::Work norm_work(OpContext& c, const Norm& norm, double each) {
  Builder::Work work{c.index(),
                     norm_items(c.x(0), norm.axis),
                     double(element_count(c.x(0))) * each,
                     {norm.x, norm.gamma},
                     {norm.y}};
  if (norm.residual != kNoView) work.reads.push_back(norm.residual);
  if (norm.beta != kNoView) work.reads.push_back(norm.beta);
  if (norm.sum != kNoView) work.writes.push_back(norm.sum);
  return work;
}

/// Adds the fast step; false where rows do not lie as it wants.
bool add_fast_norm(OpContext& c, const Norm& norm, bool layer, double eps, double gamma_offset) {
  Builder& b = c.b;
  if (!f32_rows(c, norm.axis)) return false;
  const auto x = rows_of(b.view(norm.x), norm.axis), y = rows_of(b.view(norm.y), norm.axis);
  std::optional<Rows> residual = Rows{}, sum = Rows{};
  if (norm.residual != kNoView) residual = rows_of(b.view(norm.residual), norm.axis);
  if (norm.sum != kNoView) sum = rows_of(b.view(norm.sum), norm.axis);
  if (!residual || !sum || x->columns == 0) return false;
  NormArgs args{};
  args.x_row_stride = x->stride, args.y_row_stride = y->stride;
  args.residual_row_stride = residual->stride, args.sum_row_stride = sum->stride;
  args.n = x->columns;
  args.eps = static_cast<float>(eps), args.gamma_offset = static_cast<float>(gamma_offset);
  b.step(norm_work(c, norm, kRowNs), [=](const StepRun& run, Range range) -> KernelStatus {
    NormArgs own = args;
    own.x = floats(run, norm.x), own.residual = floats(run, norm.residual),
    own.gamma = floats(run, norm.gamma), own.beta = floats(run, norm.beta);
    own.y = target(run, norm.y), own.sum = target(run, norm.sum);
    (layer ? kernels().layer_norm : kernels().rms_norm)(own, range.begin, range.end);
    return {};
  });
  return true;
}

const View* view_or_null(const StepRun& run, ViewId id) { return id == kNoView ? nullptr : &run.views[id]; }

}  // namespace

Answer compile_softmax(Builder& b, const GraphOp& op) {
  OpContext c(b, op);
  RLX_CPU_REQUIRE(c.counts(1, 1, 1, 1));
  RLX_CPU_REQUIRE(all_float(c, 1));
  const View x = c.x(0), y = c.y(0);
  if (!same_dims(x, y)) return c.wrong_dims();
  const auto axis = c.axis(x.rank, RLX_ATTR_AXIS, int64_t(x.rank) - 1);
  if (!axis) return c.about_attr(RLX_ATTR_AXIS, "is no axis of operand 0");
  const bool log = c.i64(RLX_ATTR_LOG) != 0;
  const ViewId from = c.in(0), to = c.out(0);
  // The row kernel wants the axis innermost: later axes of size 1 do not matter.
  uint32_t tail = *axis + 1;
  while (tail < x.rank && x.dims[tail] == 1) ++tail;
  if (tail == x.rank && f32_rows(c, *axis) && x.dims[*axis] != 0) {
    const auto in_rows = rows_of(x, *axis), out_rows = rows_of(y, *axis);
    SoftmaxArgs args{nullptr, in_rows->stride, nullptr, out_rows->stride, in_rows->columns, log};
    b.step(c.work(in_rows->count, double(element_count(x)) * 1.2),
           [=](const StepRun& run, Range range) -> KernelStatus {
             SoftmaxArgs own = args;
             own.x = floats(run, from), own.y = target(run, to);
             kernels().softmax(own, range.begin, range.end);
             return {};
           });
    return {};
  }
  b.step(c.work(line_items(x, *axis), double(element_count(x)) * kGenericNs),
         [=, at = *axis](const StepRun& run, Range range) {
           return softmax(run.views[from], at, log, run.views[to], range);
         });
  return {};
}

Answer compile_layer_norm(Builder& b, const GraphOp& op) {
  OpContext c(b, op);
  Norm norm;
  RLX_CPU_REQUIRE(read_norm(c, true, &norm));
  NormAttrs attrs;
  attrs.axis = norm.axis;
  attrs.eps = c.f64(RLX_ATTR_EPS, 1e-5);
  if (add_fast_norm(c, norm, true, attrs.eps, 0)) return {};
  b.step(norm_work(c, norm, kGenericNs), [=](const StepRun& run, Range range) {
    return layer_norm(run.views[norm.x], view_or_null(run, norm.residual), view_or_null(run, norm.gamma),
                      view_or_null(run, norm.beta), attrs, run.views[norm.y], view_or_null(run, norm.sum),
                      range);
  });
  return {};
}

Answer compile_rms_norm(Builder& b, const GraphOp& op) {
  OpContext c(b, op);
  Norm norm;
  RLX_CPU_REQUIRE(read_norm(c, false, &norm));
  NormAttrs attrs;
  attrs.axis = norm.axis;
  attrs.eps = c.f64(RLX_ATTR_EPS, 1e-5);
  attrs.gamma_offset = c.f64(RLX_ATTR_GAMMA_OFFSET, 0);
  if (add_fast_norm(c, norm, false, attrs.eps, attrs.gamma_offset)) return {};
  b.step(norm_work(c, norm, kGenericNs), [=](const StepRun& run, Range range) {
    return rms_norm(run.views[norm.x], view_or_null(run, norm.residual), view_or_null(run, norm.gamma), attrs,
                    run.views[norm.y], view_or_null(run, norm.sum), range);
  });
  return {};
}

Answer compile_group_norm(Builder& b, const GraphOp& op) {
  OpContext c(b, op);
  RLX_CPU_REQUIRE(c.counts(3, 3, 1, 1));
  RLX_CPU_REQUIRE(all_float(c, 3));
  const View x = c.x(0);
  const int64_t groups = c.i64(RLX_ATTR_GROUPS, 1);
  const double eps = c.f64(RLX_ATTR_EPS, 1e-5);
  if (x.rank < 2 || !same_dims(x, c.y(0)) || groups < 1 || x.dims[1] % groups != 0) return c.wrong_dims();
  for (uint32_t i = 1; i < 3; ++i) {
    if (c.x(i).rank != 1 || c.x(i).dims[0] != x.dims[1]) return c.about(i, "is not one value per channel");
  }
  const ViewId from = c.in(0), gamma = c.in(1), beta = c.in(2), y = c.out(0);
  b.step(c.work(x.dims[0] * groups, double(element_count(x)) * kGenericNs), [=](const StepRun& run,
                                                                                Range range) {
    return group_norm(run.views[from], run.views[gamma], run.views[beta], groups, eps, run.views[y], range);
  });
  return {};
}

Answer compile_batch_norm(Builder& b, const GraphOp& op) {
  OpContext c(b, op);
  RLX_CPU_REQUIRE(c.counts(5, 5, 1, 1));
  RLX_CPU_REQUIRE(all_float(c, 5));
  const View x = c.x(0);
  const auto axis = c.axis(x.rank, RLX_ATTR_AXIS, 1);
  const double eps = c.f64(RLX_ATTR_EPS, 1e-5);
  if (!axis) return c.about_attr(RLX_ATTR_AXIS, "is no axis of operand 0");
  if (!same_dims(x, c.y(0))) return c.wrong_dims();
  for (uint32_t i = 1; i < 5; ++i) {
    if (c.x(i).rank != 1 || c.x(i).dims[0] != x.dims[*axis])
      return c.about(i, "is not one value per channel");
  }
  const ViewId from = c.in(0), gamma = c.in(1), beta = c.in(2), mean = c.in(3), variance = c.in(4),
               y = c.out(0);
  b.step(c.work(element_count(x), double(element_count(x)) * 2),
         [=, at = *axis](const StepRun& run, Range range) {
           return batch_norm(run.views[from], run.views[gamma], run.views[beta], run.views[mean],
                             run.views[variance], at, eps, run.views[y], range);
         });
  return {};
}

}  // namespace rlx_cpu
