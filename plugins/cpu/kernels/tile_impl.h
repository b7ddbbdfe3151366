// SPDX-License-Identifier: Apache-2.0
// The register tile under matmul, attention and convolution: MR rows of A times NP panels of packed B, K in
// order.
#ifndef RLX_CPU_KERNELS_TILE_IMPL_H_
#define RLX_CPU_KERNELS_TILE_IMPL_H_

#include "unroll.h"

namespace rlx_cpu::RLX_CPU_ISA {

constexpr int kPanelVectors = 16 / kWidth;
constexpr int64_t kTileColumns = 16 * kTilePanels;

/// Operands of one tile. B is packed: panel j starts at b + j * b_panel, its rows of 16 floats b_row apart.
/// bias and residual are read for every column of the tile and may be null.
struct Tile {
  const float* a;
  int64_t a_row;
  const float* b;
  int64_t b_row;
  int64_t b_panel;
  int64_t k;
  float* out;
  int64_t out_row;
  const float* bias;
  const float* residual;
  int64_t residual_row;
  const char* prefetch;   ///< lines that the tile should bring into the second-level cache while it runs
  int64_t prefetch_step;  ///< bytes per step of k: 64, or less where several tiles share a panel
};

/// out = A * B [+ bias] [+ residual] for MR rows and NP whole panels. PF lines are prefetched per step of k,
/// b_panel floats apart. One accumulator per element and k ascending: the row-invariance of everything above.
template <int MR, int NP, int PF>
__attribute__((noinline)) static void run_tile(const Tile& tile) {
  constexpr int NV = NP * kPanelVectors;
  F sum[MR][NV];
  RLX_CPU_UNROLL(16)
  for (int i = 0; i < MR; ++i) {
    RLX_CPU_UNROLL(16)
    for (int j = 0; j < NV; ++j) sum[i][j] = zero();
  }
  const float* a = tile.a;
  const float* b = tile.b;
  const char* prefetch = tile.prefetch;
  const int64_t prefetch_step = tile.prefetch_step;
  const int64_t a_row = tile.a_row, b_row = tile.b_row, b_panel = tile.b_panel, k = tile.k;
  RLX_CPU_UNROLL(4)
  for (int64_t step = 0; step < k; ++step) {
    F row[NV];
    RLX_CPU_UNROLL(16)
    for (int j = 0; j < NV; ++j)
      row[j] = load(b + (j / kPanelVectors) * b_panel + (j % kPanelVectors) * kWidth);
    b += b_row;
    if constexpr (PF > 0) {
      RLX_CPU_UNROLL(4)
      for (int j = 0; j < PF; ++j) __builtin_prefetch(prefetch + j * b_panel * 4, 0, 2);
      prefetch += prefetch_step;
    }
    RLX_CPU_UNROLL(16)
    for (int i = 0; i < MR; ++i) {
      const F value = set1(a[i * a_row + step]);
      RLX_CPU_UNROLL(16)
      for (int j = 0; j < NV; ++j) sum[i][j] = fma(value, row[j], sum[i][j]);
    }
  }
  const float* bias = tile.bias;
  const float* residual = tile.residual;
  RLX_CPU_UNROLL(16)
  for (int i = 0; i < MR; ++i) {
    RLX_CPU_UNROLL(16)
    for (int j = 0; j < NV; ++j) {
      F v = sum[i][j];
      if (bias != nullptr) v = v + load(bias + j * kWidth);
      if (residual != nullptr) v = v + load(residual + i * tile.residual_row + j * kWidth);
      store(tile.out + i * tile.out_row + j * kWidth, v);
    }
  }
}

using TileFn = void (*)(const Tile&);

template <int MR, int NP>
static TileFn tile_of_lines(int lines) {
  if constexpr (NP >= 3) {
    if (lines == 3) return run_tile<MR, NP, 3>;
  }
  if constexpr (NP >= 2) {
    if (lines == 2) return run_tile<MR, NP, 2>;
  }
  return lines == 1 ? run_tile<MR, NP, 1> : run_tile<MR, NP, 0>;
}

template <int MR>
static TileFn tile_of_panels(int panels, int lines) {
  if constexpr (kTilePanels >= 3) {
    if (panels == 3) return tile_of_lines<MR, 3>(lines);
    if (panels == 2) return tile_of_lines<MR, 2>(lines);
  }
  return tile_of_lines<MR, 1>(lines);
}

/// The tile for 1..kTileRows rows, 1..kTilePanels panels and 0..panels prefetched lines per step.
static TileFn tile_for(int rows, int panels, int lines) {
  if constexpr (kTileRows >= 8) {
    if (rows == 8) return tile_of_panels<8>(panels, lines);
    if (rows == 7) return tile_of_panels<7>(panels, lines);
  }
  if constexpr (kTileRows >= 6) {
    if (rows == 6) return tile_of_panels<6>(panels, lines);
    if (rows == 5) return tile_of_panels<5>(panels, lines);
    if (rows == 4) return tile_of_panels<4>(panels, lines);
    if (rows == 3) return tile_of_panels<3>(panels, lines);
  }
  return rows == 2 ? tile_of_panels<2>(panels, lines) : tile_of_panels<1>(panels, lines);
}

}  // namespace rlx_cpu::RLX_CPU_ISA

#endif  // RLX_CPU_KERNELS_TILE_IMPL_H_
