// SPDX-License-Identifier: Apache-2.0
// Matmul over packed panels, packing, and the product of two activations (namespace RLX_CPU_ISA).
#ifndef RLX_CPU_KERNELS_MATMUL_IMPL_H_
#define RLX_CPU_KERNELS_MATMUL_IMPL_H_

#include "act_impl.h"
#include "matmul.h"
#include "tile_impl.h"

namespace rlx_cpu::RLX_CPU_ISA {

static inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

/// One panel of 16 columns from a strided source with `columns` valid ones, k rows.
static void pack_panel(const float* b, int64_t stride_k, int64_t stride_n, int64_t columns, int64_t k,
                       float alpha, float* out) {
  if (stride_n == 1 && columns == kPanelColumns) {
    const F scale = set1(alpha);
    for (int64_t row = 0; row < k; ++row, b += stride_k, out += kPanelColumns) {
      for (int64_t c = 0; c < kPanelColumns; c += kWidth) store(out + c, load(b + c) * scale);
    }
    return;
  }
  int64_t done = 0;
  if (stride_k == 1 && alpha == 1.0f) {
    for (; done + kWidth <= k; done += kWidth) {
      for (int64_t c = 0; c < kPanelColumns; c += kWidth) {
        transpose_block(b + c * stride_n + done, stride_n, columns - c, out + done * kPanelColumns + c,
                        kPanelColumns);
      }
    }
  }
  for (int64_t row = done; row < k; ++row) {
    for (int64_t c = 0; c < kPanelColumns; ++c) {
      out[row * kPanelColumns + c] = c < columns ? alpha * b[row * stride_k + c * stride_n] : 0.0f;
    }
  }
}

static void pack_b(const PackPart* parts, int32_t part_count, int64_t k, int64_t panel_begin,
                   int64_t panel_end, float* packed) {
  int64_t first_panel = 0;
  for (int32_t p = 0; p < part_count; ++p) {
    const PackPart& part = parts[p];
    const int64_t panels = panel_count(part.n);
    const int64_t end = smaller(panels, panel_end - first_panel);
    for (int64_t panel = larger(0, panel_begin - first_panel); panel < end; ++panel) {
      const int64_t column = panel * kPanelColumns;
      pack_panel(part.b + column * part.stride_n, part.stride_k, part.stride_n,
                 smaller(kPanelColumns, part.n - column), k, part.alpha,
                 packed + packed_floats(first_panel + panel, k));
    }
    first_panel += panels;
  }
}

/// Whether the tile itself can write its result: whole columns, nothing but bias and residual.
static bool is_plain(const MatmulArgs& args, const MatmulPart& part, int64_t columns, int64_t padded) {
  return args.act.kind == RLX_ACT_NONE && columns == padded && part.row_bias == nullptr;
}

static void add_rows(float* x, int64_t x_row, const float* y, int64_t y_row, int64_t rows, int64_t columns) {
  for (int64_t r = 0; r < rows; ++r, x += x_row, y += y_row) {
    int64_t c = 0;
    for (; c + kWidth <= columns; c += kWidth) store(x + c, load(x + c) + load(y + c));
    if (c < columns) store_n(x + c, load_n(x + c, columns - c) + load_n(y + c, columns - c), columns - c);
  }
}

static void add_row_bias(float* x, int64_t x_row, const float* bias, int64_t rows, int64_t columns) {
  for (int64_t r = 0; r < rows; ++r, x += x_row) {
    for (int64_t c = 0; c < columns; c += kWidth) store(x + c, load(x + c) + set1(bias[r]));
  }
}

/// Applies what the tile left out to its buffer of `rows` rows, and writes `columns` columns to C.
__attribute__((noinline)) static void finish_tile(const MatmulArgs& args, const MatmulPart& part,
                                                  float* buffer, int64_t buffer_row, int64_t row,
                                                  int64_t rows, int64_t column, int64_t columns,
                                                  bool bias_done) {
  float* c = part.c + row * part.c_row_stride + column;
  const float* residual =
      part.residual == nullptr ? nullptr : part.residual + row * part.residual_row_stride + column;
  if (part.bias != nullptr && !bias_done) add_rows(buffer, buffer_row, part.bias + column, 0, rows, columns);
  if (part.row_bias != nullptr) add_row_bias(buffer, buffer_row, part.row_bias + row, rows, buffer_row);
  if (residual != nullptr && !args.residual_after_act) {
    add_rows(buffer, buffer_row, residual, part.residual_row_stride, rows, columns);
  }
  if (residual != nullptr && args.residual_after_act) {
    act_rows(args.act, buffer, buffer_row, buffer, buffer_row, rows, columns);
    add_rows(buffer, buffer_row, residual, part.residual_row_stride, rows, columns);
    map_rows(Identity{}, buffer, buffer_row, c, part.c_row_stride, rows, columns);
    return;
  }
  act_rows(args.act, buffer, buffer_row, c, part.c_row_stride, rows, columns);
}

/// Spreads the prefetch of the next panels evenly over the row blocks of these, in lines per step of k:
/// several with few blocks, down to a quarter of one with many. What follows the last panel is prefetched
/// too: no fault, and in a buffer of weights in order of use it is the next weight.
struct PrefetchPlan {
  const char* next;
  int64_t panel_bytes;
  int64_t share;  ///< row blocks per panel, if more than one: 1, 2 or 4
  int64_t left;   ///< in shares of a panel
  int64_t total;

  PrefetchPlan(const float* after, int64_t panel_floats, int64_t panels, int64_t blocks)
      : next(reinterpret_cast<const char*>(after)), panel_bytes(panel_floats * 4) {
    share = blocks >= 4 * panels ? 4 : blocks >= 2 * panels ? 2 : 1;
    left = total = share * panels;
  }
  /// Lines per step for the next of `blocks` row blocks; sets where they start.
  int take(int64_t blocks, Tile& tile) {
    if (left == 0) return 0;
    const int64_t lines = (left + blocks - 1) / blocks;
    tile.prefetch = next + (total - left) * panel_bytes / share;
    tile.prefetch_step = 64 / share;
    left -= lines;
    return static_cast<int>(lines);
  }
};

/// Rows [row_begin, row_end) times `panels` panels of one part. B stays in the second-level cache over the
/// rows.
static void matmul_panels(const MatmulArgs& args, const MatmulPart& part, int64_t row_begin, int64_t row_end,
                          int64_t part_panel, int64_t packed_panel, int panels) {
  const int64_t column = part_panel * kPanelColumns;
  const int64_t padded = panels * kPanelColumns;
  const int64_t columns = smaller(padded, part.n - column);
  const bool plain = is_plain(args, part, columns, padded);
  const bool whole = columns == padded;
  alignas(64) float buffer[kTileRows * kTileColumns];

  Tile tile;
  tile.a_row = args.a_row_stride;
  tile.b = args.packed_b + packed_floats(packed_panel, args.k);
  tile.b_row = kPanelColumns;
  tile.b_panel = args.k * kPanelColumns;
  tile.k = args.k;
  tile.bias = part.bias != nullptr && whole ? part.bias + column : nullptr;
  tile.residual_row = part.residual_row_stride;
  const TileFn full = tile_for(kTileRows, panels, 0);
  int64_t blocks = (row_end - row_begin + kTileRows - 1) / kTileRows;
  PrefetchPlan plan(tile.b + panels * tile.b_panel, tile.b_panel, panels, blocks);

  for (int64_t row = row_begin; row < row_end; row += kTileRows, --blocks) {
    const int rows = static_cast<int>(smaller(kTileRows, row_end - row));
    tile.a = args.a + row * args.a_row_stride;
    tile.out = plain ? part.c + row * part.c_row_stride + column : buffer;
    tile.out_row = plain ? part.c_row_stride : padded;
    tile.residual =
        plain && part.residual != nullptr ? part.residual + row * part.residual_row_stride + column : nullptr;
    const int lines = plan.take(blocks, tile);
    (rows == kTileRows && lines == 0 ? full : tile_for(rows, panels, lines))(tile);
    if (!plain) finish_tile(args, part, buffer, padded, row, rows, column, columns, whole);
  }
}

static void matmul(const MatmulArgs& args, int64_t row_begin, int64_t row_end, int64_t panel_begin,
                   int64_t panel_end) {
  int64_t first_panel = 0;
  for (int32_t p = 0; p < args.part_count; ++p) {
    const MatmulPart& part = args.parts[p];
    const int64_t panels = panel_count(part.n);
    const int64_t end = smaller(panels, panel_end - first_panel);
    for (int64_t panel = larger(0, panel_begin - first_panel); panel < end;) {
      const int count = static_cast<int>(smaller(kTilePanels, end - panel));
      matmul_panels(args, part, row_begin, row_end, panel, first_panel + panel, count);
      panel += count;
    }
    first_panel += panels;
  }
}

/// Copies rows of A with a free inner stride into dense rows of k.
static void copy_a(const DotArgs& args, const float* a, int64_t row_begin, int64_t rows, float* out) {
  for (int64_t r = 0; r < rows; ++r) {
    const float* source = a + (row_begin + r) * args.a_stride_m;
    for (int64_t i = 0; i < args.k; ++i) out[r * args.k + i] = source[i * args.a_stride_k];
  }
}

/// One batch: for a block of rows, B is packed three panels at a time and used at once.
static void dot_one(const DotArgs& args, int64_t batch, int64_t row_begin, int64_t row_end, float* scratch) {
  const float* a = args.a + batch * args.a_batch_stride;
  const float* b = args.b + batch * args.b_batch_stride;
  float* packed_a = scratch + packed_floats(kDotPanels, args.k);
  const bool copies = args.a_stride_k != 1;
  const int64_t step = copies ? kDotRowBlock : larger(1, row_end - row_begin);
  for (int64_t row = row_begin; row < row_end; row += step) {
    const int64_t rows = smaller(step, row_end - row);
    if (copies) copy_a(args, a, row, rows, packed_a);
    for (int64_t column = 0; column < args.n; column += kDotPanels * kPanelColumns) {
      const int64_t columns = smaller(kDotPanels * kPanelColumns, args.n - column);
      const PackPart source = {b + column * args.b_stride_n, args.b_stride_k, args.b_stride_n, columns, 1.0f};
      pack_b(&source, 1, args.k, 0, panel_count(columns), scratch);
      MatmulPart part = {};
      part.c = args.c + batch * args.c_batch_stride + row * args.c_row_stride + column;
      part.c_row_stride = args.c_row_stride;
      part.n = columns;
      MatmulArgs product = {};
      product.a = copies ? packed_a : a + row * args.a_stride_m;
      product.a_row_stride = copies ? args.k : args.a_stride_m;
      product.k = args.k;
      product.packed_b = scratch;
      product.parts = &part;
      product.part_count = 1;
      matmul(product, 0, rows, 0, panel_count(columns));
    }
  }
}

static void dot(const DotArgs& args, int64_t batch_begin, int64_t batch_end, int64_t row_begin,
                int64_t row_end, float* scratch) {
  for (int64_t batch = batch_begin; batch < batch_end; ++batch)
    dot_one(args, batch, row_begin, row_end, scratch);
}

}  // namespace rlx_cpu::RLX_CPU_ISA

#endif  // RLX_CPU_KERNELS_MATMUL_IMPL_H_
