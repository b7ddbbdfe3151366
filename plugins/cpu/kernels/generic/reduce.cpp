// SPDX-License-Identifier: Apache-2.0
// Folds over any set of axes. The order in which an element's operands meet depends on the shape only.
#include <algorithm>

#include "block.h"
#include "composite.h"
#include "fold.h"
#include "reduction.h"

namespace rlx_cpu {
namespace {

constexpr int64_t kLanes = 8;

struct Split {
  View kept;     // of x: one element per element of y
  View reduced;  // of x: what folds into it
  int64_t reduced_count = 0;
};

// One output after the other; good when the fold runs along memory. Lanes let the compiler vectorise.
template <class Fold, class W>
void fold_lines(const Split& split, uint32_t dtype, W identity, const View& y, Range range) {
  alignas(64) char scratch[kBlockBytes];
  alignas(64) W wide[kBlock];
  View line = split.reduced;
  Cursor to(y, range.begin);
  for (int64_t item = range.begin; item < range.end; ++item) {
    W lanes[kLanes];
    std::fill_n(lanes, kLanes, identity);
    line.data = element_at(split.kept, offset_of(item, split.kept.rank, split.kept.dims, split.kept.strides));
    Cursor from(line, 0);
    for (int64_t at = 0, n; at < split.reduced_count; at += n) {
      n = std::min(kBlock, split.reduced_count - at);
      widen(dtype, from.read(n, scratch), wide, n);
      int64_t i = 0;
      for (; i + kLanes <= n; i += kLanes) {
        for (int64_t lane = 0; lane < kLanes; ++lane) lanes[lane] = Fold::fold(lanes[lane], wide[i + lane]);
      }
      for (; i < n; ++i) lanes[i % kLanes] = Fold::fold(lanes[i % kLanes], wide[i]);
    }
    W result = lanes[0];
    for (int64_t lane = 1; lane < kLanes; ++lane) result = Fold::fold(result, lanes[lane]);
    alignas(8) char element[8];
    narrow(dtype, &result, to.target(1, element), 1);
    to.commit(1, element);
  }
}

// A block of outputs at once; good when neighbours in memory belong to different outputs.
template <class Fold, class W>
void fold_blocks(const Split& split, uint32_t dtype, W identity, const View& y, Range range) {
  alignas(64) char scratch[kBlockBytes];
  alignas(64) W wide[kBlock];
  alignas(64) W sums[kBlock];
  Cursor to(y, range.begin);
  View kept = split.kept;
  for (int64_t at = range.begin, n; at < range.end; at += n) {
    n = std::min(kBlock, range.end - at);
    std::fill_n(sums, n, identity);
    for (int64_t r = 0; r < split.reduced_count; ++r) {
      kept.data =
          element_at(split.kept, offset_of(r, split.reduced.rank, split.reduced.dims, split.reduced.strides));
      widen(dtype, Cursor(kept, at).read(n, scratch), wide, n);
      for (int64_t i = 0; i < n; ++i) sums[i] = Fold::fold(sums[i], wide[i]);
    }
    narrow(dtype, sums, to.target(n, scratch), n);
    to.commit(n, scratch);
  }
}

// True if the axis along which memory moves fastest is a kept one.
bool fastest_is_kept(const View& x, uint32_t axes) {
  int64_t best = INT64_MAX;
  bool kept = false;
  for (uint32_t d = 0; d < x.rank; ++d) {
    const int64_t step = x.strides[d] < 0 ? -x.strides[d] : x.strides[d];
    if (x.dims[d] <= 1 || step >= best) continue;
    best = step;
    kept = (axes >> d & 1u) == 0;
  }
  return kept;
}

}  // namespace

KernelStatus reduce(uint32_t fn, uint32_t axes, const View& x, const View& y, Range range) {
  if (!is_known(x.dtype)) return unsupported(fn, x.dtype);
  if (y.dtype != x.dtype) return invalid(0, y.dtype, x.dtype);
  const bool logical = fn == RLX_REDUCE_ALL || fn == RLX_REDUCE_ANY;
  if (logical != (x.dtype == RLX_DTYPE_BOOL)) return unsupported(fn, x.dtype);
  if (x.rank < 32 && (axes >> x.rank) != 0) return invalid(0, axes, x.rank);
  Split split;
  split.kept = drop_axes(x, axes);
  split.reduced = drop_axes(x, ~axes);
  split.reduced_count = element_count(split.reduced);
  if (element_count(split.kept) != element_count(y))
    return invalid(0, element_count(y), element_count(split.kept));
  const bool blocks = fastest_is_kept(x, axes);
  const bool known = with_wide(x.dtype, [&](auto zero) {
    using W = decltype(zero);
    return with_fold(fn, [&](auto fold) {
      using Fold = decltype(fold);
      if (range.begin >= range.end) return;
      const W identity = fold_identity<W>(fn, x.dtype);
      if (blocks) {
        fold_blocks<Fold>(split, x.dtype, identity, y, range);
      } else {
        fold_lines<Fold>(split, x.dtype, identity, y, range);
      }
    });
  });
  return known ? KernelStatus{} : unsupported(fn, x.dtype);
}

KernelStatus segment_reduce(uint32_t fn, const View& x, const View& offsets, const View& y, Range range) {
  if (x.rank < 1 || y.rank != x.rank || offsets.rank != 1) return invalid(0, y.rank, x.rank);
  if (offsets.dims[0] != y.dims[0] + 1) return invalid(1, offsets.dims[0], y.dims[0] + 1);
  if (const KernelStatus status = check_offsets(offsets, x.dims[0]); !status.ok()) return status;
  View rows = x, segment = y;
  segment.dims[0] = 1;
  for (int64_t n = range.begin; n < range.end; ++n) {
    const int64_t begin = load_i64(offsets.dtype, element_at(offsets, n * offsets.strides[0]));
    rows.dims[0] = load_i64(offsets.dtype, element_at(offsets, (n + 1) * offsets.strides[0])) - begin;
    rows.data = element_at(x, begin * x.strides[0]);
    segment.data = element_at(y, n * y.strides[0]);
    if (const KernelStatus status = reduce(fn, 1, rows, segment, whole(segment)); !status.ok()) return status;
  }
  return {};
}

}  // namespace rlx_cpu
