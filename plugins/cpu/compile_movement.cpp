// SPDX-License-Identifier: Apache-2.0
// Compiles ops that move elements: slices at run-time places, concat, pad, gathers, scatters; and random
// bits.
#include "compile_ops.h"
#include "kernels/generic/movement.h"
#include "kernels/generic/rng.h"

namespace rlx_cpu {
namespace {

constexpr double kMoveNs = 0.6;
constexpr double kIndexNs = 4;

/// INDEX_POLICY, NEGATIVE_INDICES, AXIS, BATCH_DIMS, REDUCE as far as the op has them.
std::optional<Answer> read_index(OpContext& c, uint32_t most_policy, IndexAttrs* attrs) {
  attrs->policy = c.u32(RLX_ATTR_INDEX_POLICY, RLX_INDEX_ERROR);
  if (attrs->policy > most_policy) return c.about_attr(RLX_ATTR_INDEX_POLICY, "has an unknown value");
  attrs->negative_indices = c.i64(RLX_ATTR_NEGATIVE_INDICES) != 0;
  attrs->reduce = c.u32(RLX_ATTR_REDUCE, RLX_SCATTER_SET);
  if (attrs->reduce > RLX_SCATTER_MAX) return c.about_attr(RLX_ATTR_REDUCE, "has an unknown value");
  const int64_t batch = c.i64(RLX_ATTR_BATCH_DIMS);
  if (batch < 0 || batch > RLX_MAX_RANK) return c.about_attr(RLX_ATTR_BATCH_DIMS, "is no count of axes");
  attrs->batch_dims = static_cast<uint32_t>(batch);
  return std::nullopt;
}

bool reducible(uint32_t dtype, uint32_t reduce) {
  return reduce == RLX_SCATTER_SET || dtype != RLX_DTYPE_BOOL;
}

bool dims_equal(const View& y, const std::vector<int64_t>& dims) {
  return y.rank == dims.size() && std::equal(dims.begin(), dims.end(), y.dims);
}

/// `inner` fits into `outer` on every axis, but perhaps on `except`.
bool inside(const View& inner, const View& outer, uint32_t except = RLX_NO_INDEX) {
  if (inner.rank != outer.rank) return false;
  for (uint32_t i = 0; i < inner.rank; ++i) {
    if (i != except && inner.dims[i] > outer.dims[i]) return false;
  }
  return true;
}

std::optional<Answer> check_start(OpContext& c, uint32_t operand, uint32_t rank) {
  const View start = c.x(operand);
  if (start.dtype != RLX_DTYPE_I64) return c.no_dtype(operand, start.dtype);
  if (start.rank != 1 || start.dims[0] != rank) return c.about(operand, "is not i64[rank]");
  if (c.i64(RLX_ATTR_INDEX_POLICY) > RLX_INDEX_CLAMP)
    return c.about_attr(RLX_ATTR_INDEX_POLICY, "is neither error nor clamp");
  return std::nullopt;
}

/// x and y are the two ends of one state, each whole.
bool is_state(Builder& b, ViewId x, ViewId y) {
  const ViewRecord& from = b.record(x);
  const ViewRecord& to = b.record(y);
  return from.root == Root::kInput && to.root == Root::kOutput && to.index < b.out().outputs.size() &&
         b.out().outputs[to.index].state_pair == from.index && from.offset == 0 && to.offset == 0;
}

}  // namespace

Answer compile_dynamic_slice(Builder& b, const GraphOp& op) {
  OpContext c(b, op);
  RLX_CPU_REQUIRE(c.counts(2, 2, 1, 1));
  RLX_CPU_REQUIRE(check_start(c, 1, c.x(0).rank));
  if (!inside(c.y(0), c.x(0)) || c.x(0).dtype != c.y(0).dtype) return c.wrong_dims();
  const ViewId x = c.in(0), start = c.in(1), y = c.out(0);
  const uint32_t policy = c.u32(RLX_ATTR_INDEX_POLICY);
  const int64_t items = element_count(c.y(0));
  // Without elements nothing would look at the start; one item does.
  b.step(c.work(std::max<int64_t>(items, 1), double(items) * kMoveNs), [=](const StepRun& run, Range range) {
    return dynamic_slice(run.views[x], run.views[start], policy, run.views[y],
                         {range.begin, std::min(range.end, items)});
  });
  return {};
}

Answer compile_dynamic_update_slice(Builder& b, const GraphOp& op) {
  OpContext c(b, op);
  RLX_CPU_REQUIRE(c.counts(3, 3, 1, 1));
  RLX_CPU_REQUIRE(check_start(c, 2, c.x(0).rank));
  const View x = c.x(0), u = c.x(1);
  if (!inside(u, x) || u.dtype != x.dtype || !same_dims(x, c.y(0)) || x.dtype != c.y(0).dtype)
    return c.wrong_dims();
  const ViewId from = c.in(0), update = c.in(1), start = c.in(2), y = c.out(0);
  const uint32_t policy = c.u32(RLX_ATTR_INDEX_POLICY);
  if (is_state(b, from, y)) {
    const int64_t items = element_count(u);
    // The work follows what is written, not what the state holds.
    b.step(c.work(std::max<int64_t>(items, 1), double(items) * kMoveNs), [=](const StepRun& run, Range range) {
      return write_slice(run.views[update], run.views[start], policy, run.views[y], {range.begin, std::min(range.end, items)});
    });
    return {};
  }
  const int64_t items = element_count(c.y(0));
  b.step(c.work(items, double(items) * kMoveNs), [=](const StepRun& run, Range range) {
    return dynamic_update_slice(run.views[from], run.views[update], run.views[start], policy, run.views[y],
                                range);
  });
  return {};
}

Answer compile_concat(Builder& b, const GraphOp& op) {
  OpContext c(b, op);
  RLX_CPU_REQUIRE(c.counts(1, 4096, 1, 1));
  const View y = c.y(0);
  const auto axis = c.axis(y.rank);
  if (!axis) return c.about_attr(RLX_ATTR_AXIS, "is no axis of the result");
  int64_t sum = 0;
  std::vector<ViewId> parts;
  for (uint32_t i = 0; i < c.operands(); ++i) {
    if (!c.present(i)) return c.about(i, "is absent");
    const View x = c.x(i);
    if (x.rank != y.rank || x.dtype != y.dtype) return c.wrong_dims();
    for (uint32_t k = 0; k < x.rank; ++k) {
      if (k != *axis && x.dims[k] != y.dims[k]) return c.wrong_dims();
    }
    sum += x.dims[*axis];
    parts.push_back(c.in(i));
  }
  if (sum != y.dims[*axis]) return c.wrong_dims();
  // Each operand is a copy into its part of the result: no list of views at run time, and the copies are
  // independent.
  int64_t at = 0;
  for (const ViewId part : parts) {
    View target = y;
    std::copy(b.view(part).dims, b.view(part).dims + y.rank, target.dims);
    const int64_t shift = at * y.strides[*axis] * element_bytes(y.dtype);
    at += target.dims[*axis];
    if (element_count(target) != 0) b.copy_step(part, b.derive(c.out(0), target, shift), c.index());
  }
  return {};
}

Answer compile_pad(Builder& b, const GraphOp& op) {
  OpContext c(b, op);
  RLX_CPU_REQUIRE(c.counts(1, 2, 1, 1));
  const View x = c.x(0), y = c.y(0);
  PadAttrs attrs;
  attrs.mode = c.u32(RLX_ATTR_MODE, RLX_PAD_CONST);
  if (attrs.mode > RLX_PAD_WRAP) return c.about_attr(RLX_ATTR_MODE, "has an unknown value");
  if (attrs.mode == RLX_PAD_CONST && (!c.present(1) || element_count(c.x(1)) != 1))
    return c.about(1, "is not one element");
  if (c.present(1) && c.x(1).dtype != x.dtype) return c.about(1, "has another dtype than operand 0");
  const auto low = c.list(RLX_ATTR_LOW), high = c.list(RLX_ATTR_HIGH), interior = c.list(RLX_ATTR_INTERIOR);
  if (x.rank != y.rank || x.dtype != y.dtype) return c.wrong_dims();
  const auto fill = [&](const std::vector<int64_t>& list, int64_t* to) {
    if (!list.empty() && list.size() != x.rank) return false;
    std::copy(list.begin(), list.end(), to);
    return true;
  };
  if (!fill(low, attrs.low) || !fill(high, attrs.high) || !fill(interior, attrs.interior))
    return c.about_attr(RLX_ATTR_LOW, "HIGH or INTERIOR has not one entry per axis");
  for (uint32_t i = 0; i < x.rank; ++i) {
    if (attrs.interior[i] < 0) return c.about_attr(RLX_ATTR_INTERIOR, "is negative");
    const int64_t wide = x.dims[i] + std::max<int64_t>(x.dims[i] - 1, 0) * attrs.interior[i];
    if (wide + attrs.low[i] + attrs.high[i] != y.dims[i]) return c.wrong_dims();
  }
  const ViewId from = c.in(0), value = c.present(1) ? c.in(1) : kNoView, to = c.out(0);
  const int64_t items = element_count(y);
  b.step(c.work(items, double(items) * kMoveNs * 2), [=](const StepRun& run, Range range) {
    alignas(8) static constexpr char zero[8] = {};
    const View none = dense_view(const_cast<char*>(zero), run.views[from].dtype, 0, nullptr);
    return pad(run.views[from], value == kNoView ? none : run.views[value], attrs, run.views[to], range);
  });
  return {};
}

Answer compile_gather(Builder& b, const GraphOp& op) {
  OpContext c(b, op);
  RLX_CPU_REQUIRE(c.counts(2, 2, 1, 1));
  const View data = c.x(0), idx = c.x(1), y = c.y(0);
  if (!is_integer_dtype(idx.dtype)) return c.no_dtype(1, idx.dtype);
  IndexAttrs attrs;
  RLX_CPU_REQUIRE(read_index(c, RLX_INDEX_ZERO, &attrs));
  const auto axis = c.axis(data.rank);
  if (!axis || attrs.batch_dims > *axis || attrs.batch_dims > idx.rank)
    return c.about_attr(RLX_ATTR_AXIS, "or BATCH_DIMS does not fit the operands");
  attrs.axis = *axis;
  std::vector<int64_t> dims;
  for (uint32_t i = 0; i < attrs.batch_dims; ++i) {
    if (data.dims[i] != idx.dims[i]) return c.wrong_dims();
  }
  dims.insert(dims.end(), data.dims, data.dims + attrs.axis);
  dims.insert(dims.end(), idx.dims + attrs.batch_dims, idx.dims + idx.rank);
  dims.insert(dims.end(), data.dims + attrs.axis + 1, data.dims + data.rank);
  if (!dims_equal(y, dims) || data.dtype != y.dtype) return c.wrong_dims();
  const ViewId from = c.in(0), at = c.in(1), to = c.out(0);
  const int64_t items = gather_items(data, idx, attrs);
  b.step(c.work(items, double(items) * kIndexNs * 2 + double(element_count(y)) * kMoveNs / 2),
         [=](const StepRun& run, Range range) {
           return gather(run.views[from], run.views[at], attrs, run.views[to], range);
         });
  return {};
}

Answer compile_gather_elements(Builder& b, const GraphOp& op) {
  OpContext c(b, op);
  RLX_CPU_REQUIRE(c.counts(2, 2, 1, 1));
  const View data = c.x(0), idx = c.x(1), y = c.y(0);
  if (!is_integer_dtype(idx.dtype)) return c.no_dtype(1, idx.dtype);
  IndexAttrs attrs;
  RLX_CPU_REQUIRE(read_index(c, RLX_INDEX_ZERO, &attrs));
  const auto axis = c.axis(data.rank);
  if (!axis) return c.about_attr(RLX_ATTR_AXIS, "is no axis of operand 0");
  attrs.axis = *axis;
  if (!inside(idx, data, *axis) || !same_dims(idx, y) || data.dtype != y.dtype) return c.wrong_dims();
  const ViewId from = c.in(0), at = c.in(1), to = c.out(0);
  const int64_t items = element_count(y);
  b.step(c.work(items, double(items) * kIndexNs), [=](const StepRun& run, Range range) {
    return gather_elements(run.views[from], run.views[at], attrs, run.views[to], range);
  });
  return {};
}

Answer compile_gather_nd(Builder& b, const GraphOp& op) {
  OpContext c(b, op);
  RLX_CPU_REQUIRE(c.counts(2, 2, 1, 1));
  const View data = c.x(0), idx = c.x(1), y = c.y(0);
  if (!is_integer_dtype(idx.dtype)) return c.no_dtype(1, idx.dtype);
  IndexAttrs attrs;
  RLX_CPU_REQUIRE(read_index(c, RLX_INDEX_ZERO, &attrs));
  if (idx.rank < 1 || attrs.batch_dims > idx.rank - 1 || attrs.batch_dims > data.rank ||
      idx.dims[idx.rank - 1] > int64_t(data.rank - attrs.batch_dims)) {
    return c.wrong_dims();
  }
  for (uint32_t i = 0; i < attrs.batch_dims; ++i) {
    if (data.dims[i] != idx.dims[i]) return c.wrong_dims();
  }
  std::vector<int64_t> dims(idx.dims, idx.dims + idx.rank - 1);
  dims.insert(dims.end(), data.dims + attrs.batch_dims + idx.dims[idx.rank - 1], data.dims + data.rank);
  if (!dims_equal(y, dims) || data.dtype != y.dtype) return c.wrong_dims();
  const ViewId from = c.in(0), at = c.in(1), to = c.out(0);
  const int64_t items = gather_nd_items(idx);
  b.step(c.work(items, double(items) * kIndexNs * 2 + double(element_count(y)) * kMoveNs),
         [=](const StepRun& run, Range range) {
           return gather_nd(run.views[from], run.views[at], attrs, run.views[to], range);
         });
  return {};
}

Answer compile_scatter_elements(Builder& b, const GraphOp& op) {
  OpContext c(b, op);
  RLX_CPU_REQUIRE(c.counts(3, 3, 1, 1));
  const View x = c.x(0), idx = c.x(1), u = c.x(2), y = c.y(0);
  if (!is_integer_dtype(idx.dtype)) return c.no_dtype(1, idx.dtype);
  IndexAttrs attrs;
  RLX_CPU_REQUIRE(read_index(c, RLX_INDEX_ZERO, &attrs));
  if (!reducible(x.dtype, attrs.reduce)) return c.no_dtype(0, x.dtype);
  const auto axis = c.axis(x.rank);
  if (!axis) return c.about_attr(RLX_ATTR_AXIS, "is no axis of operand 0");
  attrs.axis = *axis;
  if (!inside(idx, x, *axis) || !same_dims(idx, u) || u.dtype != x.dtype || !same_dims(x, y) ||
      x.dtype != y.dtype)
    return c.wrong_dims();
  const ViewId from = c.in(0), at = c.in(1), update = c.in(2), to = c.out(0);
  const int64_t items = scatter_elements_items(x, attrs);
  b.step(c.work(items, double(element_count(y)) * kMoveNs + double(element_count(idx)) * kIndexNs),
         [=](const StepRun& run, Range range) {
           return scatter_elements(run.views[from], run.views[at], run.views[update], attrs, run.views[to],
                                   range);
         });
  return {};
}

Answer compile_scatter_nd(Builder& b, const GraphOp& op) {
  OpContext c(b, op);
  RLX_CPU_REQUIRE(c.counts(3, 3, 1, 1));
  const View x = c.x(0), idx = c.x(1), u = c.x(2), y = c.y(0);
  if (!is_integer_dtype(idx.dtype)) return c.no_dtype(1, idx.dtype);
  IndexAttrs attrs;
  RLX_CPU_REQUIRE(read_index(c, RLX_INDEX_ZERO, &attrs));
  if (!reducible(x.dtype, attrs.reduce)) return c.no_dtype(0, x.dtype);
  if (idx.rank < 1 || idx.dims[idx.rank - 1] > int64_t(x.rank)) return c.wrong_dims();
  std::vector<int64_t> dims(idx.dims, idx.dims + idx.rank - 1);
  dims.insert(dims.end(), x.dims + idx.dims[idx.rank - 1], x.dims + x.rank);
  if (!dims_equal(u, dims) || u.dtype != x.dtype || !same_dims(x, y) || x.dtype != y.dtype)
    return c.wrong_dims();
  const ViewId from = c.in(0), at = c.in(1), update = c.in(2), to = c.out(0);
  const int64_t items = scatter_nd_items(x, idx);
  b.step(c.work(items, double(element_count(y)) * kMoveNs + double(element_count(u)) * kIndexNs),
         [=](const StepRun& run, Range range) {
           return scatter_nd(run.views[from], run.views[at], run.views[update], attrs, run.views[to], range);
         });
  return {};
}

Answer compile_rng_bits(Builder& b, const GraphOp& op) {
  OpContext c(b, op);
  RLX_CPU_REQUIRE(c.counts(2, 2, 1, 1));
  for (uint32_t i = 0; i < 2; ++i) {
    if (c.x(i).dtype != RLX_DTYPE_U32) return c.no_dtype(i, c.x(i).dtype);
    if (c.x(i).rank != 1 || c.x(i).dims[0] != (i == 0 ? 2 : 4))
      return c.about(i, "has other dims than [2] and [4]");
  }
  if (c.y(0).dtype != RLX_DTYPE_U32) return c.wrong_dims();
  const ViewId key = c.in(0), counter = c.in(1), y = c.out(0);
  const int64_t items = element_count(c.y(0));
  b.step(c.work(items, double(items) * 3), [=](const StepRun& run, Range range) {
    return rng_bits(run.views[key], run.views[counter], run.views[y], range);
  });
  return {};
}

}  // namespace rlx_cpu
