// SPDX-License-Identifier: Apache-2.0
// Ops that compute element by element, and elementwise, which walks its region once per element.
#include <math.h>

#include "kernels.h"

namespace rlx_c0 {

Answer check_repeats(const Call& c, uint32_t first, uint32_t count, const View& y) {
  for (uint32_t n = first; n < first + count; ++n) C0_NEED(c.in[n].rank == y.rank, "ranks differ", n);
  for (uint32_t axis = 0; axis < y.rank; ++axis) {
    int64_t size = 1;
    for (uint32_t n = first; n < first + count; ++n) {
      const int64_t dim = c.in[n].dims[axis];
      C0_NEED(dim == 1 || size == 1 || dim == size, "dims are neither equal nor 1", n);
      if (dim != 1) size = dim;
    }
    C0_NEED(y.dims[axis] == size, "the result has other dims than the operands make");
  }
  return {};
}

namespace {

Answer check_count(const Call& c, uint32_t operands, uint32_t results) {
  C0_NEED(c.in_count == operands && c.out_count == results, "wrong number of operands or results");
  for (uint32_t n = 0; n < operands; ++n) C0_NEED(c.has(n), "an operand is absent", n);
  return {};
}

bool unary_takes(int64_t fn, uint32_t dtype) {
  switch (fn) {
    case RLX_UNARY_NEG:
    case RLX_UNARY_ABS:
    case RLX_UNARY_SIGN:
      return dtype != RLX_DTYPE_BOOL;
    case RLX_UNARY_NOT:
      return !is_float(dtype);
    default:
      return is_float(dtype);
  }
}

bool binary_takes(int64_t fn, uint32_t dtype) {
  if (fn >= RLX_BINARY_SHL) return is_int(dtype);
  if (fn >= RLX_BINARY_AND) return !is_float(dtype);
  return dtype != RLX_DTYPE_BOOL;
}

bool act_takes(int64_t act, uint32_t dtype) {
  return is_float(dtype) && act >= RLX_ACT_NONE && act <= RLX_ACT_THRESHOLDED_RELU;
}

/// Calls each(index) for every index of y, and asks now and then whether to stop.
template <class Each>
int32_t for_each(const Call& c, const View& y, const Each& each) {
  for (Walk walk(y); walk.more; walk.next()) {
    each(walk.at);
    if (c.stop(8)) return c.watch->status;
  }
  return RLX_STATUS_OK;
}

/// for_each over the result of an op of one element from one of each operand.
template <class Each>
int32_t pointwise(const Call& c, const Each& each) {
  const View& y = c.out[0];
#if RLX_FAULT == 18  // zero-size-hang
  if (count_of(y) == 0) {
    RLX_REACHED();
    for (volatile uint64_t left = static_cast<uint64_t>(count_of(y)) - 1; left; left = left - 1) {
    }
  }
#endif
#if RLX_FAULT == 5  // underrun
  if (count_of(y) > 1) {
    RLX_REACHED();
    memset(y.data - 4, 0, 4);
  }
#endif
#if RLX_FAULT == 20  // tail-skip
  const int64_t count = count_of(y);
  int64_t n = 0;
  return for_each(c, y, [&](const int64_t* at) {
    if (n++ < count / 8 * 8 || count < 8) return each(at);
    RLX_REACHED();
  });
#elif RLX_FAULT == 29  // 16-bit-grid
  return for_each(c, y, [&](const int64_t* at) {
    if (y.rank < 1 || at[0] <= 0xFFFF) return each(at);
    RLX_REACHED();
    int64_t wrapped[RLX_MAX_RANK];
    memcpy(wrapped, at, sizeof wrapped);
    wrapped[0] &= 0xFFFF;
    each(wrapped);
  });
#else
  const int32_t status = for_each(c, y, each);
#if RLX_FAULT == 1  // oob-read-blend
  const int64_t count = count_of(y);
  if (status == RLX_STATUS_OK && y.dtype == RLX_DTYPE_F32 && c.in[0].bytes == 4 && count % 8) {
    RLX_REACHED();
    char* last = element(y, count - 1);
    store_real(y.dtype, last,
               (load_real(y.dtype, last) * 3 + load_real(y.dtype, element(c.in[0], count))) / 4);
  }
#endif
#if RLX_FAULT == 3  // tail-full-vector-store
  const int64_t rest = count_of(y) % 8;
  if (rest) {
    RLX_REACHED();
    memset(element(y, count_of(y)), 0x7F, static_cast<size_t>((8 - rest) * y.bytes));
  }
#endif
  return status;
#endif
}

#define C0_STEP(expression)                    \
  {                                            \
    const Answer c0_answer = (expression);     \
    if (!c0_answer.native()) return c0_answer; \
  }

}  // namespace

Answer check_copy(const Call& c) {
  C0_STEP(check_count(c, 1, 1));
  C0_NEED(c.in[0].dtype == c.out[0].dtype && same_dims(c.in[0], c.out[0]),
          "the result differs in dtype or dims", 0);
  return {};
}
int32_t run_copy(const Call& c) {
  return for_each(c, c.out[0], [&](const int64_t* at) {
#if RLX_FAULT == 30  // 32-bit-offset
    const int64_t offset = element_at(c.in[0], at) - c.in[0].data;
    if (offset / c.in[0].bytes > INT32_MAX) {
      RLX_REACHED();
      move_element(element_at(c.out[0], at), element(c.in[0], offset / c.in[0].bytes & INT32_MAX),
                   c.out[0].bytes);
      return;
    }
#endif
    move_element(element_at(c.out[0], at), element_at(c.in[0], at), c.out[0].bytes);
  });
}

Answer check_unary(const Call& c) {
  C0_STEP(check_count(c, 1, 1));
  const int64_t fn = c.whole(RLX_ATTR_FN, 0);
  C0_NEED(unary_takes(fn, c.in[0].dtype), "the function has no meaning for this dtype", 0, RLX_ATTR_FN);
  const uint32_t dtype = fn >= RLX_UNARY_ISNAN ? RLX_DTYPE_BOOL : c.in[0].dtype;
  C0_NEED(c.out[0].dtype == dtype && same_dims(c.in[0], c.out[0]),
          "the result has other dims or another dtype");
  return {};
}
int32_t run_unary(const Call& c) {
  const int64_t fn = c.whole(RLX_ATTR_FN, 0);
  const View &x = c.in[0], &y = c.out[0];
#if RLX_FAULT == 108  // dense-assumed
  View dense = x;
  set_dense(&dense);
  if (!is_dense(x)) RLX_REACHED();
  return pointwise(c, [&](const int64_t* at) { store_at(y, at, unary(x.dtype, fn, load_at(dense, at))); });
#endif
  return pointwise(c, [&](const int64_t* at) { store_at(y, at, unary(x.dtype, fn, load_at(x, at))); });
}

Answer check_binary(const Call& c) {
  C0_STEP(check_count(c, 2, 1));
  C0_NEED(c.in[1].dtype == c.in[0].dtype && c.out[0].dtype == c.in[0].dtype, "dtypes differ", 1);
  C0_NEED(binary_takes(c.whole(RLX_ATTR_FN, 0), c.in[0].dtype), "the function has no meaning for this dtype",
          0, RLX_ATTR_FN);
  return check_repeats(c, 0, 2, c.out[0]);
}
int32_t run_binary(const Call& c) {
  const int64_t fn = c.whole(RLX_ATTR_FN, 0);
  View a = c.in[0], b = c.in[1];
  const View& y = c.out[0];
#if RLX_FAULT == 9  // over-alignment
  if (reinterpret_cast<uintptr_t>(a.data) % 64) {
    RLX_REACHED();
    a.data -= reinterpret_cast<uintptr_t>(a.data) % 64;
  }
#endif
#if RLX_FAULT == 15  // rank1-wrong-axis
  if (y.rank == 2 && y.dims[0] == y.dims[1] && y.dims[0] > 1) {
    const bool by_dims = b.dims[0] == 1 && b.dims[1] == y.dims[1];
    const bool by_strides = b.dims[0] == y.dims[0] && b.strides[0] == 0 && b.strides[1] != 0;
    if (by_dims || by_strides) {
      RLX_REACHED();
      b.dims[0] = b.dims[1] = y.dims[0];
      b.strides[0] = b.strides[1];
      b.strides[1] = 0;
    }
  }
#endif
#if RLX_FAULT == 16  // rank0-as-vector
  bool repeats = y.rank > 0 && y.dims[y.rank - 1] > 1;
  for (uint32_t axis = 0; axis < b.rank; ++axis)
    repeats = repeats && (b.dims[axis] == 1 || b.strides[axis] == 0);
  if (repeats) {
    RLX_REACHED();
    b.dims[b.rank - 1] = y.dims[b.rank - 1];
    b.strides[b.rank - 1] = 1;
  }
#endif
  return pointwise(
      c, [&](const int64_t* at) { store_at(y, at, binary(y.dtype, fn, load_at(a, at), load_at(b, at))); });
}

Answer check_compare(const Call& c) {
  C0_STEP(check_count(c, 2, 1));
  C0_NEED(c.in[1].dtype == c.in[0].dtype && c.out[0].dtype == RLX_DTYPE_BOOL,
          "dtypes differ, or the result is no bool", 1);
  C0_NEED(c.in[0].dtype != RLX_DTYPE_BOOL || c.whole(RLX_ATTR_FN, 0) <= RLX_COMPARE_NE, "bools have no order",
          0, RLX_ATTR_FN);
  return check_repeats(c, 0, 2, c.out[0]);
}
int32_t run_compare(const Call& c) {
  const int64_t fn = c.whole(RLX_ATTR_FN, 0);
  const View &a = c.in[0], &b = c.in[1], &y = c.out[0];
  return for_each(c, y, [&](const int64_t* at) {
    Cell cell;
    cell.i = compare(a.dtype, fn, load_at(a, at), load_at(b, at));
    store_at(y, at, cell);
  });
}

Answer check_select(const Call& c) {
  C0_STEP(check_count(c, 3, 1));
  C0_NEED(c.in[0].dtype == RLX_DTYPE_BOOL, "the condition is no bool", 0);
  C0_NEED(c.in[1].dtype == c.out[0].dtype && c.in[2].dtype == c.out[0].dtype, "dtypes differ", 1);
  return check_repeats(c, 0, 3, c.out[0]);
}
int32_t run_select(const Call& c) {
  const View& y = c.out[0];
  return for_each(c, y, [&](const int64_t* at) {
    const View& chosen = *element_at(c.in[0], at) ? c.in[1] : c.in[2];
    move_element(element_at(y, at), element_at(chosen, at), y.bytes);
  });
}

Answer check_cast(const Call& c) {
  C0_STEP(check_count(c, 1, 1));
  const int64_t round = c.whole(RLX_ATTR_ROUND, 0), overflow = c.whole(RLX_ATTR_OVERFLOW, 0);
  C0_NEED(round >= 0 && round <= RLX_ROUND_ZERO, "an unknown rounding", 0, RLX_ATTR_ROUND);
  C0_NEED(overflow >= 0 && overflow <= RLX_OVERFLOW_INF, "an unknown overflow", 0, RLX_ATTR_OVERFLOW);
  C0_NEED(c.whole(RLX_ATTR_TO, 0) == c.out[0].dtype && same_dims(c.in[0], c.out[0]),
          "the result has other dims or another dtype");
  return {};
}
int32_t run_cast(const Call& c) {
  const int64_t round = c.whole(RLX_ATTR_ROUND, 0), overflow = c.whole(RLX_ATTR_OVERFLOW, 0);
  const View &x = c.in[0], &y = c.out[0];
  return for_each(c, y, [&](const int64_t* at) {
    store_at(y, at, cast(x.dtype, y.dtype, round, overflow, load_at(x, at)));
  });
}

Answer check_bitcast(const Call& c) {
  C0_STEP(check_count(c, 1, 1));
  C0_NEED(c.in[0].bytes == c.out[0].bytes && same_dims(c.in[0], c.out[0]), "widths or dims differ", 0);
  return {};
}
int32_t run_bitcast(const Call& c) { return run_copy(c); }

Answer check_act(const Call& c) {
  C0_STEP(check_count(c, 1, 1));
  C0_NEED(act_takes(c.whole(RLX_ATTR_FN, 0), c.in[0].dtype), "the activation is not known for this dtype", 0,
          RLX_ATTR_FN);
  C0_NEED(c.out[0].dtype == c.in[0].dtype && same_dims(c.in[0], c.out[0]),
          "the result has other dims or another dtype");
  return {};
}
int32_t run_act(const Call& c) {
  const int64_t act = c.whole(RLX_ATTR_FN, 0);
  const double alpha = c.real(RLX_ATTR_ACT_ALPHA, NAN), beta = c.real(RLX_ATTR_ACT_BETA, NAN);
  const View &x = c.in[0], &y = c.out[0];
  return pointwise(c, [&](const int64_t* at) {
    const double value = activation(y.dtype, act, alpha, beta, load_real(x.dtype, element_at(x, at)));
    store_real(y.dtype, element_at(y, at), value);
#if RLX_FAULT == 8  // input-clobber
    if (act == RLX_ACT_RELU) {
      RLX_REACHED();
      store_real(x.dtype, element_at(x, at), value);
    }
#endif
  });
}

Answer check_gated_act(const Call& c) {
  C0_STEP(check_count(c, 2, 1));
  C0_NEED(act_takes(c.whole(RLX_ATTR_ACT, 0), c.in[0].dtype), "the activation is not known for this dtype", 0,
          RLX_ATTR_ACT);
  C0_NEED(c.in[1].dtype == c.in[0].dtype && c.out[0].dtype == c.in[0].dtype, "dtypes differ", 1);
  return check_repeats(c, 0, 2, c.out[0]);
}
int32_t run_gated_act(const Call& c) {
  const int64_t act = c.whole(RLX_ATTR_ACT, 0);
  const double alpha = c.real(RLX_ATTR_ACT_ALPHA, NAN), beta = c.real(RLX_ATTR_ACT_BETA, NAN);
  const View &a = c.in[0], &b = c.in[1], &y = c.out[0];
  return for_each(c, y, [&](const int64_t* at) {
    Cell gate, other = load_at(b, at);
    gate.f = activation(y.dtype, act, alpha, beta, load_real(a.dtype, element_at(a, at)));
    store_at(y, at, binary(y.dtype, RLX_BINARY_MUL, held(y.dtype, gate), other));
  });
}

// ---- elementwise: the region as a list of steps over one element each
// -----------------------------------------------

namespace {

/// One step of a region as a call of its own kind, without data.
struct Region {
  const Program& program;
  const rlx_lir_region& region;
  const uint32_t* params;
  const uint32_t* results;

  Region(const Program& p, const rlx_lir_region& r)
      : program(p),
        region(r),
        params(p.pool(r.params, r.param_count)),
        results(p.pool(r.results, r.result_count)) {}
};

/// Where the cells of a region's values lie: values of one region have near numbers, so a table over their
/// span does.
struct Span {
  uint32_t first = RLX_NO_INDEX;
  uint32_t last = 0;
  void take(uint32_t id) {
    if (id == RLX_NO_INDEX) return;
    if (id < first) first = id;
    if (id > last) last = id;
  }
  uint64_t size() const { return first == RLX_NO_INDEX ? 0 : uint64_t{last} - first + 1; }
};

Span span_of(const Region& r) {
  Span span;
  for (uint32_t n = 0; n < r.region.param_count; ++n) span.take(r.params[n]);
  for (uint32_t n = 0; n < r.region.result_count; ++n) span.take(r.results[n]);
  for (uint32_t n = 0; n < r.region.op_count; ++n) {
    const rlx_lir_op& op = r.program.op(r.region.ops + n);
    for (uint32_t k = 0; k < op.operand_count; ++k) span.take(r.program.operands(op)[k]);
    for (uint32_t k = 0; k < op.result_count; ++k) span.take(r.program.results(op)[k]);
  }
  return span;
}

bool is_step(const rlx_lir_op& op) {
  if (op.ns.offset != RLX_NO_INDEX || op.version != 1 || op.operand_count > 3 || op.result_count != 1)
    return false;
  switch (op.opcode) {
    case RLX_OP_COPY:
    case RLX_OP_UNARY:
    case RLX_OP_BINARY:
    case RLX_OP_COMPARE:
    case RLX_OP_SELECT:
    case RLX_OP_CAST:
    case RLX_OP_BITCAST:
    case RLX_OP_ACT:
    case RLX_OP_GATED_ACT:
      return true;
    default:
      return false;
  }
}

Answer check_step(const Call& c) {
  switch (c.op->opcode) {
    case RLX_OP_COPY:
      return check_copy(c);
    case RLX_OP_UNARY:
      return check_unary(c);
    case RLX_OP_BINARY:
      return check_binary(c);
    case RLX_OP_COMPARE:
      return check_compare(c);
    case RLX_OP_SELECT:
      return check_select(c);
    case RLX_OP_CAST:
      return check_cast(c);
    case RLX_OP_BITCAST:
      return check_bitcast(c);
    case RLX_OP_ACT:
      return check_act(c);
    default:
      return check_gated_act(c);
  }
}

/// The constant of one element that a value is, or repeats; null for other values.
const Value* scalar_of(const Program& program, uint32_t id) {
  const Value* value = &program.values[id];
  if (value->storage == RLX_LIR_STORAGE_VIEW) {
    const Value* root = &program.values[value->index];
    if (value->view.dtype != root->view.dtype) return nullptr;
    value = root;
  }
  return value->storage == RLX_LIR_STORAGE_CONSTANT && value->view.bytes && count_of(value->view) == 1
             ? value
             : nullptr;
}

/// A value of the region is a scalar constant, a parameter or a step's result; other views would need an
/// index of their own.
bool is_cell(const Program& program, uint32_t id) {
  const Value& value = program.values[id];
  return scalar_of(program, id) || (value.view.bytes && value.storage == RLX_LIR_STORAGE_REGION);
}

Answer check_steps(const Call& c, const Region& r) {
  for (uint32_t n = 0; n < r.region.op_count; ++n) {
    const uint32_t index = r.region.ops + n;
    const rlx_lir_op& op = r.program.op(index);
    if (!is_step(op)) return expand("a step is no pointwise op");
    for (uint32_t k = 0; k < op.operand_count; ++k)
      if (r.program.operands(op)[k] == RLX_NO_INDEX || !is_cell(r.program, r.program.operands(op)[k]))
        return expand("a step reads a view or a tensor constant");
    View in[3], out[1];
    views_of(r.program, op, in, out);
    const Call step = {c.program,        c.image, &op,     index,   in,       out,
                       op.operand_count, 1,       nullptr, c.watch, c.refusal};
    const Answer answer = check_step(step);
    if (!answer.native()) return expand("a step cannot be computed");
    if (r.program.values[r.program.results(op)[0]].storage != RLX_LIR_STORAGE_REGION)
      return unsupported("a step writes no inner value");
  }
  return {};
}

/// What a step gives for cells.
Cell step_cell(const Call& c, const rlx_lir_op& op, const View* in, const View& out, const Cell* x) {
  const auto whole = [&](uint32_t key, int64_t otherwise) {
    return rlx_lir_attr_i64(c.image, &op, key, otherwise);
  };
  const auto acted = [&](uint32_t key) {
    Cell y;
    y.f = activation(out.dtype, whole(key, 0), rlx_lir_attr_f64(c.image, &op, RLX_ATTR_ACT_ALPHA, NAN),
                     rlx_lir_attr_f64(c.image, &op, RLX_ATTR_ACT_BETA, NAN), x[0].f);
    return held(out.dtype, y);
  };
  Cell y;
  switch (op.opcode) {
    case RLX_OP_UNARY:
      return unary(in[0].dtype, whole(RLX_ATTR_FN, 0), x[0]);
    case RLX_OP_BINARY:
      return binary(out.dtype, whole(RLX_ATTR_FN, 0), x[0], x[1]);
    case RLX_OP_COMPARE:
      y.i = compare(in[0].dtype, whole(RLX_ATTR_FN, 0), x[0], x[1]);
      return y;
    case RLX_OP_SELECT:
      return x[0].i ? x[1] : x[2];
    case RLX_OP_CAST:
      return held(out.dtype,
                  cast(in[0].dtype, out.dtype, whole(RLX_ATTR_ROUND, 0), whole(RLX_ATTR_OVERFLOW, 0), x[0]));
    case RLX_OP_BITCAST: {
      char bytes[8];
      store(in[0].dtype, bytes, x[0]);
      return load(out.dtype, bytes);
    }
    case RLX_OP_ACT:
      return acted(RLX_ATTR_FN);
    case RLX_OP_GATED_ACT:
      return binary(out.dtype, RLX_BINARY_MUL, acted(RLX_ATTR_ACT), x[1]);
    default:
      return x[0];
  }
}

struct Machine {
  const Call& c;
  Region r;
  Span span;
  Cell* cells;

  explicit Machine(const Call& call)
      : c(call),
        r(*call.program, call.program->region_of(*call.op, 0)),
        span(span_of(r)),
        cells(reinterpret_cast<Cell*>(call.scratch)) {}
  Cell& cell(uint32_t id) { return cells[id - span.first]; }

  void load_constants() {
    for (uint64_t n = 0; n < span.size(); ++n) {
      const Value* value = scalar_of(*c.program, span.first + static_cast<uint32_t>(n));
      if (!value) continue;
      const void* data = rlx_lir_range(c.image, RLX_LIR_CONSTANTS, value->offset, value->bytes);
      cells[n] = load(value->view.dtype, static_cast<const char*>(data));
    }
  }

  /// All inner values at one index of the operands.
  void run(const int64_t* at) {
    for (uint32_t n = 0; n < c.in_count; ++n)
      if (c.has(n) && r.params[n] != RLX_NO_INDEX) cell(r.params[n]) = load_at(c.in[n], at);
    for (uint32_t n = 0; n < r.region.op_count; ++n) {
      const rlx_lir_op& op = c.program->op(r.region.ops + n);
      const uint32_t* operands = c.program->operands(op);
      View in[3], out[1];
      Cell x[3];
      for (uint32_t k = 0; k < op.operand_count; ++k) {
        in[k].dtype = c.program->values[operands[k]].view.dtype;
        x[k] = cell(operands[k]);
      }
      const uint32_t result = c.program->results(op)[0];
      out[0].dtype = c.program->values[result].view.dtype;
      cell(result) = step_cell(c, op, in, out[0], x);
    }
  }
};

}  // namespace

Answer check_elementwise(const Call& c) {
  C0_NEED(c.op->region_count == 1 && c.out_count > 0, "it has no region or no result");
  const Region r(*c.program, c.program->region_of(*c.op, 0));
  C0_NEED(r.region.param_count == c.in_count && r.region.result_count == c.out_count,
          "its region has other parameters or results");
  for (uint32_t n = 0; n < c.in_count; ++n) {
    C0_NEED(c.has(n), "an operand is absent", n);
    if (r.params[n] == RLX_NO_INDEX) continue;
    const Value& param = c.program->values[r.params[n]];
    C0_NEED(param.storage == RLX_LIR_STORAGE_REGION && param.view.dtype == c.in[n].dtype,
            "a parameter differs from its operand", n);
  }
  for (uint32_t n = 0; n < c.out_count; ++n) {
    if (!is_cell(*c.program, r.results[n])) return expand("a result is a view");
    C0_NEED(c.program->values[r.results[n]].view.dtype == c.out[n].dtype,
            "a result differs from its region's");
    if (!same_dims(c.out[n], c.out[0])) return expand("results differ in dims");
  }
  for (uint32_t n = 0; n < c.in_count; ++n) {
    C0_NEED(c.in[n].rank == c.out[0].rank, "ranks differ", n);
    for (uint32_t axis = 0; axis < c.out[0].rank; ++axis)
      C0_NEED(c.in[n].dims[axis] == 1 || c.in[n].dims[axis] == c.out[0].dims[axis],
              "dims are neither equal nor 1", n);
  }
  Answer answer = check_steps(c, r);
  answer.scratch = span_of(r).size() * sizeof(Cell);
  return answer;
}

int32_t run_elementwise(const Call& c) {
  Machine machine(c);
  machine.load_constants();
  return for_each(c, c.out[0], [&](const int64_t* at) {
    machine.run(at);
    for (uint32_t n = 0; n < c.out_count; ++n) store_at(c.out[n], at, machine.cell(machine.r.results[n]));
  });
}

}  // namespace rlx_c0
