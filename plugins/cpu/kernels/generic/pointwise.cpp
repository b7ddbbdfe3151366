// SPDX-License-Identifier: Apache-2.0
// Drives the block functions over strided views.
#include "pointwise.h"

#include <algorithm>
#include <iterator>

#include "block.h"
#include "rlx/ops.h"
#include "transpose.h"

namespace rlx_cpu {
namespace {

bool is_row_major(const View& view) {
  int64_t stride = 1;
  for (uint32_t i = view.rank; i-- > 0;) {
    if (view.strides[i] != stride && view.dims[i] != 1) return false;
    stride *= view.dims[i];
  }
  return true;
}

// The same for views that all lie together: small ops spend more on cursors than on their elements.
template <int kInputs, class Block>
KernelStatus for_dense_blocks(const View (&inputs)[kInputs], const View& y, Range range, uint32_t fn, Block block) {
  const void* blocks[kInputs];
  for (int64_t at = range.begin; at < range.end; at += kBlock) {
    for (int i = 0; i < kInputs; ++i) blocks[i] = element_at(inputs[i], at);
    if (!block(blocks, element_at(y, at), std::min(kBlock, range.end - at))) return unsupported(fn, inputs[0].dtype);
  }
  return {};
}

// Calls block(inputs, y, n) for each block of the range; stops when it answers false.
template <int kInputs, class Block>
KernelStatus for_blocks(const View (&inputs)[kInputs], const View& y, Range range, uint32_t fn, Block block) {
  if (is_row_major(y) && std::all_of(std::begin(inputs), std::end(inputs), is_row_major))
    return for_dense_blocks(inputs, y, range, fn, block);
  alignas(64) char scratch[kInputs + 1][kBlockBytes];
  if (range.begin >= range.end) return {};
  Cursor from[kInputs];
  for (int i = 0; i < kInputs; ++i) from[i] = Cursor(inputs[i], range.begin);
  Cursor to(y, range.begin);
  const void* blocks[kInputs];
  for (int64_t at = range.begin; at < range.end;) {
    const int64_t n = std::min(kBlock, range.end - at);
    void* out = to.target(n, scratch[kInputs]);
    for (int i = 0; i < kInputs; ++i) blocks[i] = from[i].read(n, scratch[i]);
    if (!block(blocks, out, n)) return unsupported(fn, inputs[0].dtype);
    to.commit(n, scratch[kInputs]);
    at += n;
  }
  return {};
}

// An empty range must not hide that the function is unknown, so one element of scratch is tried.
template <class Block>
bool knows(Block block) {
  alignas(8) char zeros[3][8] = {};
  const void* inputs[3] = {zeros[0], zeros[1], zeros[2]};
  alignas(8) char out[8];
  return block(inputs, static_cast<void*>(out), int64_t(1));
}

template <int kInputs, class Block>
KernelStatus run(const View (&inputs)[kInputs], const View& y, Range range, uint32_t fn, Block block) {
  if (range.begin >= range.end) return knows(block) ? KernelStatus{} : unsupported(fn, inputs[0].dtype);
  return for_blocks(inputs, y, range, fn, block);
}

bool gives_bool(uint32_t fn) { return fn >= RLX_UNARY_ISNAN && fn <= RLX_UNARY_ISINF_NEG; }

}  // namespace

KernelStatus copy(const View& x, const View& y, Range range) {
  const int64_t bytes = element_bytes(y.dtype);
  if (bytes == 0) return unsupported(0, y.dtype);
  if (x.dtype != y.dtype) return invalid(0, x.dtype, y.dtype);
  if (copy_transposed(x, y, range)) return {};
  copy_flat(x, range.begin, y, range.begin, range.end - range.begin);
  return {};
}

KernelStatus bitcast(const View& x, const View& y, Range range) {
  if (element_bytes(x.dtype) == 0) return unsupported(0, x.dtype);
  if (element_bytes(x.dtype) != element_bytes(y.dtype)) return invalid(0, x.dtype, y.dtype);
  copy_flat(x, range.begin, y, range.begin, range.end - range.begin);
  return {};
}

KernelStatus unary(uint32_t fn, const View& x, const View& y, Range range) {
  const uint32_t dtype = x.dtype;
  if (y.dtype != (gives_bool(fn) ? RLX_DTYPE_BOOL : dtype)) return invalid(0, y.dtype, dtype);
  const View inputs[1] = {x};
  return run(inputs, y, range, fn, [=](const void* const* in, void* out, int64_t n) {
    return block_unary(fn, dtype, in[0], out, n);
  });
}

KernelStatus binary(uint32_t fn, const View& a, const View& b, const View& y, Range range) {
  const uint32_t dtype = a.dtype;
  if (b.dtype != dtype || y.dtype != dtype) return invalid(0, b.dtype, dtype);
  const View inputs[2] = {a, b};
  return run(inputs, y, range, fn, [=](const void* const* in, void* out, int64_t n) {
    return block_binary(fn, dtype, in[0], in[1], out, n);
  });
}

KernelStatus compare(uint32_t fn, const View& a, const View& b, const View& y, Range range) {
  const uint32_t dtype = a.dtype;
  if (b.dtype != dtype) return invalid(0, b.dtype, dtype);
  if (y.dtype != RLX_DTYPE_BOOL) return invalid(0, y.dtype, RLX_DTYPE_BOOL);
  const View inputs[2] = {a, b};
  return run(inputs, y, range, fn, [=](const void* const* in, void* out, int64_t n) {
    return block_compare(fn, dtype, in[0], in[1], out, n);
  });
}

KernelStatus select(const View& cond, const View& t, const View& f, const View& y, Range range) {
  const uint32_t dtype = y.dtype;
  if (cond.dtype != RLX_DTYPE_BOOL) return invalid(0, cond.dtype, RLX_DTYPE_BOOL);
  if (t.dtype != dtype || f.dtype != dtype) return invalid(0, t.dtype != dtype ? t.dtype : f.dtype, dtype);
  const View inputs[3] = {cond, t, f};
  return run(inputs, y, range, dtype, [=](const void* const* in, void* out, int64_t n) {
    return block_select(dtype, in[0], in[1], in[2], out, n);
  });
}

KernelStatus cast(const View& x, const View& y, uint32_t round, uint32_t overflow, Range range) {
  const uint32_t from = x.dtype;
  const uint32_t to = y.dtype;
  const View inputs[1] = {x};
  return run(inputs, y, range, to, [=](const void* const* in, void* out, int64_t n) {
    return block_cast(from, to, round, overflow, in[0], out, n);
  });
}

KernelStatus act(uint32_t fn, double alpha, double beta, const View& x, const View& y, Range range) {
  const uint32_t dtype = x.dtype;
  if (y.dtype != dtype) return invalid(0, y.dtype, dtype);
  const View inputs[1] = {x};
  return run(inputs, y, range, fn, [=](const void* const* in, void* out, int64_t n) {
    return block_act(fn, alpha, beta, dtype, in[0], out, n);
  });
}

KernelStatus gated_act(uint32_t fn, double alpha, double beta, const View& a, const View& b, const View& y,
                       Range range) {
  const uint32_t dtype = a.dtype;
  if (b.dtype != dtype || y.dtype != dtype) return invalid(0, b.dtype, dtype);
  const View inputs[2] = {a, b};
  return run(inputs, y, range, fn, [=](const void* const* in, void* out, int64_t n) {
    if (!is_small_float(dtype)) {
      // `out` may be b's memory, so the activation goes to scratch.
      alignas(64) char gate[kBlockBytes];
      return block_act(fn, alpha, beta, dtype, in[0], gate, n) &&
             block_binary(RLX_BINARY_MUL, dtype, gate, in[1], out, n);
    }
    alignas(64) float left[kBlock];
    alignas(64) float right[kBlock];
    widen(dtype, in[0], left, n);
    widen(dtype, in[1], right, n);
    if (!block_act(fn, alpha, beta, RLX_DTYPE_F32, left, left, n)) return false;
    (void)block_binary(RLX_BINARY_MUL, RLX_DTYPE_F32, left, right, left, n);
    narrow(dtype, left, out, n);
    return true;
  });
}

KernelStatus iota(const View& y, uint32_t axis, Range range) {
  if (!is_known(y.dtype)) return unsupported(0, y.dtype);
  if (axis >= y.rank) return invalid(0, axis, y.rank);
  if (range.begin >= range.end) return {};
  int64_t inner = 1;
  for (uint32_t i = axis + 1; i < y.rank; ++i) inner *= y.dims[i];
  alignas(64) int64_t counts[kBlock];
  alignas(64) char scratch[kBlockBytes];
  Cursor to(y, range.begin);
  for (int64_t at = range.begin; at < range.end;) {
    const int64_t n = std::min(kBlock, range.end - at);
    for (int64_t i = 0; i < n; ++i) counts[i] = (at + i) / inner % y.dims[axis];
    // Wrapping keeps the low bits for narrow integers; floats round to nearest.
    if (!block_cast(RLX_DTYPE_I64, y.dtype, RLX_ROUND_EVEN, RLX_OVERFLOW_WRAP, counts, to.target(n, scratch),
                    n)) {
      return unsupported(0, y.dtype);
    }
    to.commit(n, scratch);
    at += n;
  }
  return {};
}

}  // namespace rlx_cpu
