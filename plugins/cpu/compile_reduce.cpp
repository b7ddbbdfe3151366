// SPDX-License-Identifier: Apache-2.0
// Compiles ops that fold, scan or rank along axes, and pooling windows.
#include "compile_ops.h"
#include "kernels/generic/composite.h"
#include "kernels/generic/reduction.h"

namespace rlx_cpu {
namespace {

/// y has the dims of x without the axes of the mask, or with 1 in their place.
bool reduced_dims(const View& x, uint32_t axes, const View& y) {
  std::vector<int64_t> kept, ones;
  for (uint32_t i = 0; i < x.rank; ++i) {
    if ((axes >> i & 1) == 0) kept.push_back(x.dims[i]);
    ones.push_back((axes >> i & 1) == 0 ? x.dims[i] : 1);
  }
  const auto is = [&](const std::vector<int64_t>& dims) {
    return y.rank == dims.size() && std::equal(dims.begin(), dims.end(), y.dims);
  };
  return is(kept) || is(ones);
}

bool line_dims(const View& x, uint32_t axis, int64_t size, const View& y) {
  if (x.rank != y.rank) return false;
  for (uint32_t i = 0; i < x.rank; ++i) {
    if (y.dims[i] != (i == axis ? size : x.dims[i])) return false;
  }
  return true;
}

std::optional<Answer> read_window(OpContext& c, WindowAttrs* attrs) {
  const View x = c.x(0), y = c.y(0);
  if (x.rank < 3 || x.rank != y.rank || x.dims[0] != y.dims[0] || x.dims[1] != y.dims[1])
    return c.wrong_dims();
  const uint32_t spatial = x.rank - 2;
  const auto read = [&](uint32_t key, int64_t otherwise, int64_t* to) {
    const std::vector<int64_t> list = c.list(key);
    std::fill(to, to + spatial, otherwise);
    if (!list.empty() && list.size() != spatial) return false;
    std::copy(list.begin(), list.end(), to);
    return true;
  };
  if (!read(RLX_ATTR_WINDOW, 1, attrs->window) || !read(RLX_ATTR_STRIDES, 1, attrs->strides) ||
      !read(RLX_ATTR_DILATION, 1, attrs->dilation) || !read(RLX_ATTR_LOW, 0, attrs->low) ||
      !read(RLX_ATTR_HIGH, 0, attrs->high)) {
    return c.about_attr(RLX_ATTR_WINDOW, "or another list has not one entry per spatial axis");
  }
  for (uint32_t i = 0; i < spatial; ++i) {
    const int64_t reach = (attrs->window[i] - 1) * attrs->dilation[i] + 1;
    const int64_t room = x.dims[i + 2] + attrs->low[i] + attrs->high[i] - reach;
    if (attrs->window[i] < 1 || attrs->strides[i] < 1 || attrs->dilation[i] < 1 || room < 0 ||
        room / attrs->strides[i] + 1 != y.dims[i + 2])
      return c.wrong_dims();
  }
  return std::nullopt;
}

double window_ns(const View& y, const WindowAttrs& attrs) {
  double ns = double(element_count(y)) * 2;
  for (uint32_t i = 0; i + 2 < y.rank; ++i) ns *= double(attrs.window[i]);
  return ns;
}

}  // namespace

Answer compile_reduce(Builder& b, const GraphOp& op) {
  OpContext c(b, op);
  RLX_CPU_REQUIRE(c.counts(1, 1, 1, 1));
  const View x = c.x(0), y = c.y(0);
  const uint32_t fn = c.u32(RLX_ATTR_FN);
  const bool logical = fn == RLX_REDUCE_ALL || fn == RLX_REDUCE_ANY;
  if (fn < RLX_REDUCE_SUM || fn > RLX_REDUCE_ANY) return c.about_attr(RLX_ATTR_FN, "has an unknown value");
  if (logical != (x.dtype == RLX_DTYPE_BOOL) || y.dtype != x.dtype) return c.no_dtype(0, x.dtype);
  uint32_t axes = 0;
  for (const int64_t axis : c.list(RLX_ATTR_AXES)) {
    if (axis < 0 || axis >= static_cast<int64_t>(x.rank))
      return c.about_attr(RLX_ATTR_AXES, "names no axis of operand 0");
    axes |= 1u << axis;
  }
  if (!reduced_dims(x, axes, y)) return c.wrong_dims();
  const ViewId from = c.in(0), to = c.out(0);
  b.step(c.work(element_count(y), double(element_count(x))), [=](const StepRun& run, Range range) {
    return reduce(fn, axes, run.views[from], run.views[to], range);
  });
  return {};
}

Answer compile_segment_reduce(Builder& b, const GraphOp& op) {
  OpContext c(b, op);
  RLX_CPU_REQUIRE(c.counts(2, 2, 1, 1));
  const View x = c.x(0), offsets = c.x(1), y = c.y(0);
  const uint32_t fn = c.u32(RLX_ATTR_FN);
  if (fn < RLX_REDUCE_SUM || fn > RLX_REDUCE_MIN) return c.about_attr(RLX_ATTR_FN, "has an unknown value");
  if (x.dtype == RLX_DTYPE_BOOL || y.dtype != x.dtype) return c.no_dtype(0, x.dtype);
  if (offsets.dtype != RLX_DTYPE_I32 && offsets.dtype != RLX_DTYPE_I64) return c.no_dtype(1, offsets.dtype);
  if (x.rank < 1 || y.rank != x.rank || offsets.rank != 1 || offsets.dims[0] != y.dims[0] + 1 ||
      !std::equal(x.dims + 1, x.dims + x.rank, y.dims + 1))
    return c.wrong_dims();
  const ViewId from = c.in(0), at = c.in(1), to = c.out(0);
  const int64_t segments = y.dims[0];
  // Without segments nothing would look at the offset; one item does.
  b.step(c.work(std::max<int64_t>(segments, 1), double(element_count(x)) * 1.5), [=](const StepRun& run, Range range) {
    return segment_reduce(fn, run.views[from], run.views[at], run.views[to], {range.begin, std::min(range.end, segments)});
  });
  return {};
}

Answer compile_arg_reduce(Builder& b, const GraphOp& op) {
  OpContext c(b, op);
  RLX_CPU_REQUIRE(c.counts(1, 1, 1, 1));
  const View x = c.x(0), y = c.y(0);
  const uint32_t fn = c.u32(RLX_ATTR_FN), tie = c.u32(RLX_ATTR_TIE, RLX_TIE_FIRST);
  if (fn != RLX_REDUCE_MAX && fn != RLX_REDUCE_MIN)
    return c.about_attr(RLX_ATTR_FN, "is neither max nor min");
  if (tie > RLX_TIE_LAST) return c.about_attr(RLX_ATTR_TIE, "has an unknown value");
  const auto axis = c.axis(x.rank);
  if (!axis) return c.about_attr(RLX_ATTR_AXIS, "is no axis of operand 0");
  if (!reduced_dims(x, 1u << *axis, y) || (y.dtype != RLX_DTYPE_I64 && y.dtype != RLX_DTYPE_I32))
    return c.wrong_dims();
  const ViewId from = c.in(0), to = c.out(0);
  b.step(c.work(element_count(y), double(element_count(x)) * 1.5),
         [=, at = *axis](const StepRun& run, Range range) {
           return arg_reduce(fn, at, tie, run.views[from], run.views[to], range);
         });
  return {};
}

Answer compile_cumulate(Builder& b, const GraphOp& op) {
  OpContext c(b, op);
  RLX_CPU_REQUIRE(c.counts(1, 1, 1, 1));
  const View x = c.x(0), y = c.y(0);
  CumulateAttrs attrs;
  attrs.fn = c.u32(RLX_ATTR_FN);
  attrs.exclusive = c.i64(RLX_ATTR_EXCLUSIVE) != 0;
  attrs.reverse = c.i64(RLX_ATTR_REVERSE) != 0;
  if (attrs.fn < RLX_REDUCE_SUM || attrs.fn > RLX_REDUCE_MIN)
    return c.about_attr(RLX_ATTR_FN, "has an unknown value");
  if (x.dtype == RLX_DTYPE_BOOL) return c.no_dtype(0, x.dtype);
  const auto axis = c.axis(x.rank);
  if (!axis) return c.about_attr(RLX_ATTR_AXIS, "is no axis of operand 0");
  attrs.axis = *axis;
  if (!same_dims(x, y) || x.dtype != y.dtype) return c.wrong_dims();
  const ViewId from = c.in(0), to = c.out(0);
  b.step(c.work(line_items(x, attrs.axis), double(element_count(x)) * 2),
         [=](const StepRun& run, Range range) {
           return cumulate(run.views[from], attrs, run.views[to], range);
         });
  return {};
}

Answer compile_top_k(Builder& b, const GraphOp& op) {
  OpContext c(b, op);
  RLX_CPU_REQUIRE(c.counts(1, 1, 2, 2));
  const View x = c.x(0), values = c.y(0), indices = c.y(1);
  TopKAttrs attrs;
  const auto axis = c.axis(x.rank);
  if (!axis) return c.about_attr(RLX_ATTR_AXIS, "is no axis of operand 0");
  attrs.axis = *axis;
  attrs.largest = c.i64(RLX_ATTR_LARGEST, 1) != 0;
  attrs.sorted = c.i64(RLX_ATTR_SORTED, 1) != 0;
  const int64_t k = values.rank == x.rank ? values.dims[attrs.axis] : -1;
  if (c.i64(RLX_ATTR_K, k) != k || k > x.dims[attrs.axis] || !line_dims(x, attrs.axis, k, values) ||
      !same_dims(values, indices) || values.dtype != x.dtype || indices.dtype != RLX_DTYPE_I64) {
    return c.wrong_dims();
  }
  const ViewId from = c.in(0), to = c.out(0), at = c.out(1);
  b.need_scratch(top_k_scratch_bytes(x, attrs));
  b.step(c.work(line_items(x, attrs.axis), double(element_count(x)) * 8),
         [=](const StepRun& run, Range range) {
           return top_k(run.views[from], attrs, run.views[to], run.views[at], range, run.scratch);
         });
  return {};
}

Answer compile_nonzero(Builder& b, const GraphOp& op) {
  OpContext c(b, op);
  RLX_CPU_REQUIRE(c.counts(1, 1, 2, 2));
  const View x = c.x(0), indices = c.y(0), count = c.y(1);
  if (indices.dtype != RLX_DTYPE_I64 || indices.rank != 2 || indices.dims[0] != int64_t(x.rank) ||
      count.dtype != RLX_DTYPE_I64 || element_count(count) != 1)
    return c.wrong_dims();
  const ViewId from = c.in(0), to = c.out(0), n = c.out(1);
  b.step(c.work(1, double(element_count(x)) * 2), [=](const StepRun& run, Range range) {
    return nonzero(run.views[from], run.views[to], run.views[n], range);
  });
  return {};
}

Answer compile_reduce_window(Builder& b, const GraphOp& op) {
  OpContext c(b, op);
  RLX_CPU_REQUIRE(c.counts(1, 1, 1, 2));
  const uint32_t fn = c.u32(RLX_ATTR_FN);
  if (fn != RLX_REDUCE_MAX && fn != RLX_REDUCE_SUM)
    return c.about_attr(RLX_ATTR_FN, "is neither max nor sum");
  if (c.x(0).dtype == RLX_DTYPE_BOOL || c.x(0).dtype != c.y(0).dtype) return c.no_dtype(0, c.x(0).dtype);
  WindowAttrs attrs;
  RLX_CPU_REQUIRE(read_window(c, &attrs));
  const bool indexed = c.results() == 2;
  if (indexed && (fn != RLX_REDUCE_MAX || !same_dims(c.y(0), c.y(1)) || c.y(1).dtype != RLX_DTYPE_I64))
    return c.wrong_dims();
  const ViewId x = c.in(0), y = c.out(0), index = indexed ? c.out(1) : kNoView;
  b.step(c.work(element_count(c.y(0)), window_ns(c.y(0), attrs)), [=](const StepRun& run, Range range) {
    return reduce_window(fn, run.views[x], attrs, run.views[y],
                         index == kNoView ? nullptr : &run.views[index], range);
  });
  return {};
}

Answer compile_avg_pool(Builder& b, const GraphOp& op) {
  OpContext c(b, op);
  RLX_CPU_REQUIRE(c.counts(1, 1, 1, 1));
  if (!is_float_dtype(c.x(0).dtype) || c.x(0).dtype != c.y(0).dtype) return c.no_dtype(0, c.x(0).dtype);
  WindowAttrs attrs;
  RLX_CPU_REQUIRE(read_window(c, &attrs));
  const bool count_pad = c.i64(RLX_ATTR_COUNT_INCLUDE_PAD) != 0;
  const ViewId x = c.in(0), y = c.out(0);
  b.step(c.work(element_count(c.y(0)), window_ns(c.y(0), attrs)), [=](const StepRun& run, Range range) {
    return avg_pool(run.views[x], attrs, count_pad, run.views[y], range);
  });
  return {};
}

}  // namespace rlx_cpu
