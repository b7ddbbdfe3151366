// SPDX-License-Identifier: Apache-2.0
// Compiles ops that compute element by element, and those that make data from nothing.
#include "compile_ops.h"
#include "kernels/generic/pointwise.h"

namespace rlx_cpu {
namespace {

constexpr uint32_t kLastUnary = RLX_UNARY_ISINF_POS + 1;
constexpr double kPlainNs = 0.25;  // an element of a kernel that memory bounds
constexpr double kFunctionNs = 4;  // of a generic transcendental
constexpr double kFastFunctionNs = 0.7;

/// Asks a kernel about one element: it answers UNSUPPORTED for functions and dtypes that it does not know.
struct Probe {
  alignas(16) char a[16] = {}, b[16] = {}, c[16] = {}, y[16] = {};
  static View scalar(void* data, uint32_t dtype) { return dense_view(data, dtype, 0, nullptr); }
};
bool known(KernelStatus status) { return status.status != RLX_STATUS_UNSUPPORTED; }

Answer unknown_function(OpContext& c, int64_t fn) {
  Answer answer =
      refuse("%s: no function %lld of dtype %u", c.name(), static_cast<long long>(fn), c.x(0).dtype);
  answer.attribute = RLX_ATTR_FN;
  return answer;
}

/// Operands [0, count) stretched to the result's dims, or a complaint.
std::optional<Answer> stretch_all(OpContext& c, uint32_t count, ViewId* views) {
  const View y = c.y(0);
  for (uint32_t i = 0; i < count; ++i) {
    const auto view = c.b.stretched(c.in(i), y.rank, y.dims);
    if (!view) return c.about(i, "has dims that do not stretch to the result's");
    views[i] = *view;
  }
  return std::nullopt;
}

bool both_dense(OpContext& c) { return is_dense(c.x(0)) && is_dense(c.y(0)); }

}  // namespace

Answer compile_copy(Builder& b, const GraphOp& op) {
  OpContext c(b, op);
  RLX_CPU_REQUIRE(c.counts(1, 1, 1, 1));
  if (!same_dims(c.x(0), c.y(0)) || c.x(0).dtype != c.y(0).dtype) return c.wrong_dims();
  b.copy_step(c.in(0), c.out(0), c.index());
  return {};
}

Answer compile_unary(Builder& b, const GraphOp& op) {
  OpContext c(b, op);
  RLX_CPU_REQUIRE(c.counts(1, 1, 1, 1));
  if (!same_dims(c.x(0), c.y(0))) return c.wrong_dims();
  const uint32_t fn = c.u32(RLX_ATTR_FN);
  const uint32_t dtype = c.x(0).dtype;
  Probe p;
  if (fn == 0 || fn > kLastUnary ||
      !known(unary(fn, p.scalar(p.a, dtype), p.scalar(p.y, c.y(0).dtype), {0, 1}))) {
    return unknown_function(c, fn);
  }
  const ViewId x = c.in(0), y = c.out(0);
  const int64_t items = element_count(c.y(0));
  UnaryKernel fast =
      dtype == RLX_DTYPE_F32 && c.y(0).dtype == dtype && both_dense(c) ? kernels().unary(fn) : nullptr;
  if (fast != nullptr) {
    b.step(c.work(items, double(items) * kFastFunctionNs),
           [=](const StepRun& run, Range range) -> KernelStatus {
             fast(static_cast<const float*>(run.views[x].data) + range.begin,
                  static_cast<float*>(run.views[y].data) + range.begin, range.end - range.begin);
             return {};
           });
    return {};
  }
  b.step(c.work(items, double(items) * kFunctionNs),
         [=](const StepRun& run, Range range) { return unary(fn, run.views[x], run.views[y], range); });
  return {};
}

Answer compile_binary(Builder& b, const GraphOp& op) {
  OpContext c(b, op);
  RLX_CPU_REQUIRE(c.counts(2, 2, 1, 1));
  const uint32_t fn = c.u32(RLX_ATTR_FN), dtype = c.x(0).dtype;
  if (c.x(1).dtype != dtype || c.y(0).dtype != dtype)
    return c.about(1, "or the result has another dtype than operand 0");
  Probe p;
  if (!known(binary(fn, p.scalar(p.a, dtype), p.scalar(p.b, dtype), p.scalar(p.y, dtype), {0, 1})))
    return unknown_function(c, fn);
  ViewId x[2];
  RLX_CPU_REQUIRE(stretch_all(c, 2, x));
  const ViewId first = x[0], second = x[1], y = c.out(0);
  const int64_t items = element_count(c.y(0));
  const double each = fn == RLX_BINARY_POW                                       ? 20
                      : fn == RLX_BINARY_MOD_FLOOR || fn == RLX_BINARY_MOD_TRUNC ? 6
                                                                                 : kPlainNs * 2;
  b.step(c.work(items, double(items) * each), [=](const StepRun& run, Range range) {
    return binary(fn, run.views[first], run.views[second], run.views[y], range);
  });
  return {};
}

Answer compile_compare(Builder& b, const GraphOp& op) {
  OpContext c(b, op);
  RLX_CPU_REQUIRE(c.counts(2, 2, 1, 1));
  const uint32_t fn = c.u32(RLX_ATTR_FN), dtype = c.x(0).dtype;
  if (c.x(1).dtype != dtype || c.y(0).dtype != RLX_DTYPE_BOOL)
    return c.about(1, "has another dtype than operand 0, or the result is not bool");
  Probe p;
  if (!known(compare(fn, p.scalar(p.a, dtype), p.scalar(p.b, dtype), p.scalar(p.y, RLX_DTYPE_BOOL), {0, 1})))
    return unknown_function(c, fn);
  ViewId x[2];
  RLX_CPU_REQUIRE(stretch_all(c, 2, x));
  const ViewId first = x[0], second = x[1], y = c.out(0);
  const int64_t items = element_count(c.y(0));
  b.step(c.work(items, double(items) * kPlainNs * 2), [=](const StepRun& run, Range range) {
    return compare(fn, run.views[first], run.views[second], run.views[y], range);
  });
  return {};
}

Answer compile_select(Builder& b, const GraphOp& op) {
  OpContext c(b, op);
  RLX_CPU_REQUIRE(c.counts(3, 3, 1, 1));
  if (c.x(0).dtype != RLX_DTYPE_BOOL) return c.about(0, "is not bool");
  if (c.x(1).dtype != c.y(0).dtype || c.x(2).dtype != c.y(0).dtype)
    return c.about(1, "or 2 has another dtype than the result");
  ViewId x[3];
  RLX_CPU_REQUIRE(stretch_all(c, 3, x));
  const ViewId condition = x[0], yes = x[1], no = x[2], y = c.out(0);
  const int64_t items = element_count(c.y(0));
  b.step(c.work(items, double(items) * kPlainNs * 3), [=](const StepRun& run, Range range) {
    return select(run.views[condition], run.views[yes], run.views[no], run.views[y], range);
  });
  return {};
}

Answer compile_cast(Builder& b, const GraphOp& op) {
  OpContext c(b, op);
  RLX_CPU_REQUIRE(c.counts(1, 1, 1, 1));
  if (!same_dims(c.x(0), c.y(0))) return c.wrong_dims();
  const uint32_t to = c.u32(RLX_ATTR_TO, c.y(0).dtype), round = c.u32(RLX_ATTR_ROUND),
                 overflow = c.u32(RLX_ATTR_OVERFLOW);
  if (to != c.y(0).dtype) return c.about_attr(RLX_ATTR_TO, "differs from the result's dtype");
  if (round > RLX_ROUND_ZERO) return c.about_attr(RLX_ATTR_ROUND, "has an unknown value");
  if (overflow > RLX_OVERFLOW_INF) return c.about_attr(RLX_ATTR_OVERFLOW, "has an unknown value");
  Probe p;
  if (!known(cast(p.scalar(p.a, c.x(0).dtype), p.scalar(p.y, to), round, overflow, {0, 1})))
    return c.no_dtype(0, c.x(0).dtype);
  const ViewId x = c.in(0), y = c.out(0);
  const int64_t items = element_count(c.y(0));
  b.step(c.work(items, double(items)), [=](const StepRun& run, Range range) {
    return cast(run.views[x], run.views[y], round, overflow, range);
  });
  return {};
}

Answer compile_bitcast(Builder& b, const GraphOp& op) {
  OpContext c(b, op);
  RLX_CPU_REQUIRE(c.counts(1, 1, 1, 1));
  if (!same_dims(c.x(0), c.y(0)) || rlx_dtype_bytes(c.x(0).dtype) != rlx_dtype_bytes(c.y(0).dtype))
    return c.wrong_dims();
  const ViewId x = c.in(0), y = c.out(0);
  const int64_t items = element_count(c.y(0));
  b.step(c.work(items, double(items) * kPlainNs),
         [=](const StepRun& run, Range range) { return bitcast(run.views[x], run.views[y], range); });
  return {};
}

Answer compile_iota(Builder& b, const GraphOp& op) {
  OpContext c(b, op);
  RLX_CPU_REQUIRE(c.counts(0, 0, 1, 1));
  const auto axis = c.axis(c.y(0).rank);
  if (!axis) return c.about_attr(RLX_ATTR_AXIS, "is no axis of the result");
  Probe p;
  const int64_t one = 1;
  if (!known(iota(dense_view(p.y, c.y(0).dtype, 1, &one), 0, {0, 1})))
    return refuse("iota: no kernel for dtype %u", c.y(0).dtype);
  const ViewId y = c.out(0);
  const int64_t items = element_count(c.y(0));
  b.step(c.work(items, double(items) * kPlainNs),
         [=, at = *axis](const StepRun& run, Range range) { return iota(run.views[y], at, range); });
  return {};
}

Answer compile_act(Builder& b, const GraphOp& op) {
  OpContext c(b, op);
  RLX_CPU_REQUIRE(c.counts(1, 1, 1, 1));
  if (!same_dims(c.x(0), c.y(0)) || c.x(0).dtype != c.y(0).dtype) return c.wrong_dims();
  const uint32_t fn = c.u32(RLX_ATTR_FN), dtype = c.x(0).dtype;
  const auto [alpha, beta] = act_params(c, fn);
  Probe p;
  if (!known(act(fn, alpha, beta, p.scalar(p.a, dtype), p.scalar(p.y, dtype), {0, 1})))
    return unknown_function(c, fn);
  const ViewId x = c.in(0), y = c.out(0);
  const int64_t items = element_count(c.y(0));
  if (dtype == RLX_DTYPE_F32 && both_dense(c)) {
    const Activation activation{fn, static_cast<float>(alpha), static_cast<float>(beta)};
    b.step(c.work(items, double(items) * kFastFunctionNs),
           [=](const StepRun& run, Range range) -> KernelStatus {
             const int64_t n = range.end - range.begin;
             kernels().act(activation, static_cast<const float*>(run.views[x].data) + range.begin, n,
                           static_cast<float*>(run.views[y].data) + range.begin, n, 1, n);
             return {};
           });
    return {};
  }
  b.step(c.work(items, double(items) * kFunctionNs),
         [=, alpha = alpha, beta = beta](const StepRun& run, Range range) {
           return act(fn, alpha, beta, run.views[x], run.views[y], range);
         });
  return {};
}

Answer compile_gated_act(Builder& b, const GraphOp& op) {
  OpContext c(b, op);
  RLX_CPU_REQUIRE(c.counts(2, 2, 1, 1));
  const uint32_t fn = c.u32(RLX_ATTR_ACT), dtype = c.x(0).dtype;
  const auto [alpha, beta] = act_params(c, fn);
  if (c.x(1).dtype != dtype || c.y(0).dtype != dtype)
    return c.about(1, "or the result has another dtype than operand 0");
  Probe p;
  if (!known(gated_act(fn, alpha, beta, p.scalar(p.a, dtype), p.scalar(p.b, dtype), p.scalar(p.y, dtype),
                       {0, 1})))
    return unknown_function(c, fn);
  ViewId x[2];
  RLX_CPU_REQUIRE(stretch_all(c, 2, x));
  const ViewId first = x[0], second = x[1], y = c.out(0);
  const int64_t items = element_count(c.y(0));
  b.step(c.work(items, double(items) * kFunctionNs),
         [=, alpha = alpha, beta = beta](const StepRun& run, Range range) {
           return gated_act(fn, alpha, beta, run.views[first], run.views[second], run.views[y], range);
         });
  return {};
}

}  // namespace rlx_cpu
