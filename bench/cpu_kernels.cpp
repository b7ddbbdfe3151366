// SPDX-License-Identifier: Apache-2.0
// How far the fast kernels are from this CPU's FMA peak, one thread, minimum of many runs. Peak is measured
// between the runs, so that a machine that changes speed does not flatter or blame a kernel.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <vector>

#if defined(RLX_CPU_HAVE_X86)
#include <immintrin.h>
#endif

#include <rlx/ops.h>
#include "plugins/cpu/kernels/kernel_table.h"

using namespace rlx_cpu;

namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Floats aligned to 64 bytes, filled with small values.
float* make_floats(int64_t n) {
  const size_t bytes = (static_cast<size_t>(n) * sizeof(float) + 4095) / 4096 * 4096;
  float* p = static_cast<float*>(std::aligned_alloc(4096, bytes == 0 ? 4096 : bytes));
  uint32_t state = 1;
  for (int64_t i = 0; i < n; ++i) {
    state = state * 1664525u + 1013904223u;
    p[i] = static_cast<float>(state >> 8) / 16777216.0f - 0.5f;
  }
  return p;
}

/// Least time of one call, in seconds, over about `budget` seconds.
double least_time(const std::function<void()>& call, double budget = 0.25) {
  call();
  double best = 1e30;
  const double end = now() + budget;
  for (int i = 0; i < 5 || now() < end; ++i) {
    const double start = now();
    call();
    const double took = now() - start;
    best = took < best ? took : best;
  }
  return best;
}

#if defined(RLX_CPU_HAVE_X86)
/// Independent chains of fused multiply-adds in registers: nothing but the FMA pipes.
__attribute__((target("avx512f"))) void spin_avx512(int64_t steps) {
  __m512 sum[24];
  const __m512 a = _mm512_set1_ps(0.999f), b = _mm512_set1_ps(0.001f);
#pragma GCC unroll 24
  for (int i = 0; i < 24; ++i) sum[i] = a;
  for (int64_t s = 0; s < steps; ++s) {
#pragma GCC unroll 24
    for (int i = 0; i < 24; ++i) {
      sum[i] = _mm512_fmadd_ps(sum[i], a, b);
      asm volatile("" : "+v"(sum[i]));  // keeps the chain
    }
  }
}

__attribute__((target("avx2,fma"))) void spin_avx2(int64_t steps) {
  __m256 sum[12];
  const __m256 a = _mm256_set1_ps(0.999f), b = _mm256_set1_ps(0.001f);
#pragma GCC unroll 12
  for (int i = 0; i < 12; ++i) sum[i] = a;
  for (int64_t s = 0; s < steps; ++s) {
#pragma GCC unroll 12
    for (int i = 0; i < 12; ++i) {
      sum[i] = _mm256_fmadd_ps(sum[i], a, b);
      asm volatile("" : "+x"(sum[i]));  // keeps the chain
    }
  }
}
#endif

/// The peak of the portable kernels: their own full tile over operands that stay in the first-level cache.
double measure_tile_peak(const KernelTable& table) {
  const int64_t k = 256, rows = table.tile_rows, panels = table.tile_panels;
  float* a = make_floats(rows * k);
  float* b = make_floats(packed_floats(panels, k) + 1024);
  float* c = make_floats(rows * panels * 16);
  const MatmulPart part = {c, panels * 16, panels * 16, nullptr, nullptr, nullptr, 0};
  const MatmulArgs args = {a, k, k, b, &part, 1, false, {}};
  const double time = least_time([&] {
    for (int i = 0; i < 64; ++i) table.matmul(args, 0, rows, 0, panels);
  });
  std::free(a), std::free(b), std::free(c);
  return 64 * 2.0 * static_cast<double>(rows * panels * 16 * k) / time / 1e9;
}

/// FMA peak of one core in GFLOP/s.
double measure_peak(const KernelTable& table) {
#if defined(RLX_CPU_HAVE_X86)
  const int64_t steps = 20000;
  if (table.isa == Isa::kAvx512)
    return 2.0 * 24 * 16 * static_cast<double>(steps) / least_time([] { spin_avx512(steps); }) / 1e9;
  if (table.isa == Isa::kAvx2)
    return 2.0 * 12 * 8 * static_cast<double>(steps) / least_time([] { spin_avx2(steps); }) / 1e9;
#endif
  return measure_tile_peak(table);
}

void bench_matmul(const KernelTable& table, double peak, uint32_t act) {
  const int64_t shapes[][2] = {{384, 1152}, {384, 384}, {384, 1536}, {1536, 384}};
  for (const int64_t m : {16, 128, 1024}) {
    for (const auto& shape : shapes) {
      const int64_t k = shape[0], n = shape[1];
      float* a = make_floats(m * k);
      float* packed = make_floats(packed_floats(panel_count(n), k) + 4096);
      float* c = make_floats(m * n);
      float* bias = make_floats(n);
      const MatmulPart part = {c, n, n, bias, nullptr, nullptr, 0};
      const MatmulArgs args = {a, k, k, packed, &part, 1, false, {act, 0, 0}};
      const double time = least_time([&] {
        for (int64_t row = 0; row < m; row += 64)
          table.matmul(args, row, row + 64 < m ? row + 64 : m, 0, panel_count(n));
      });
      const double rate = 2.0 * static_cast<double>(m * n * k) / time / 1e9;
      std::printf("%-8s matmul %s M=%-5ld K=%-5ld N=%-5ld %9.1f us %7.1f GF/s %5.1f %% of peak\n", table.name,
                  act == RLX_ACT_NONE ? "bias     " : "bias+gelu", static_cast<long>(m), static_cast<long>(k),
                  static_cast<long>(n), time * 1e6, rate, 100 * rate / peak);
      std::free(a), std::free(packed), std::free(c), std::free(bias);
    }
  }
}

void bench_attention(const KernelTable& table, double peak) {
  const int64_t heads = 12, size = 32, width = 3 * heads * size;
  for (const int64_t s : {16, 128, 512}) {
    float* qkv = make_floats(s * width);
    float* y = make_floats(s * heads * size);
    AttentionArgs args = {};
    args.q = qkv;
    args.k = qkv + heads * size;
    args.v = qkv + 2 * heads * size;
    args.y = y;
    args.q_strides = args.k_strides = args.v_strides = {s * width, size, width};
    args.y_strides = {s * heads * size, size, heads * size};
    args.heads = args.kv_heads = heads;
    args.query_count = args.key_count = s;
    args.head_size = args.value_size = size;
    args.scale = 0.17677669f;
    args.window_left = args.window_right = -1;
    float* scratch = make_floats(attention_scratch_floats(args, s));
    const double time = least_time([&] {
      for (int64_t h = 0; h < heads; ++h) table.attention(args, 0, h, 0, s, scratch);
    });
    const double rate = 4.0 * static_cast<double>(heads * s * s * size) / time / 1e9;
    std::printf("%-8s attention S=%-5ld D=32 12 heads      %9.1f us %7.1f GF/s %5.1f %% of peak\n",
                table.name, static_cast<long>(s), time * 1e6, rate, 100 * rate / peak);
    std::free(qkv), std::free(y), std::free(scratch);
  }
}

void bench_rows(const KernelTable& table) {
  const int64_t rows = 128, n = 384;
  float* x = make_floats(rows * n);
  float* y = make_floats(rows * n);
  float* g = make_floats(n);
  NormArgs norm = {};
  norm.x = x, norm.x_row_stride = n, norm.gamma = g, norm.beta = g, norm.y = y, norm.y_row_stride = n,
  norm.n = n;
  norm.residual = x, norm.residual_row_stride = n, norm.eps = 1e-12f;
  const double norm_time = least_time([&] { table.layer_norm(norm, 0, rows); }, 0.05);
  std::printf("%-8s layer_norm + residual, 384: %.1f ns a row\n", table.name, norm_time * 1e9 / rows);
  const struct {
    uint32_t act;
    const char* name;
  } acts[] = {{RLX_ACT_GELU_ERF, "gelu_erf"},
              {RLX_ACT_GELU_TANH, "gelu_tanh"},
              {RLX_ACT_SILU, "silu"},
              {RLX_ACT_TANH, "tanh"}};
  for (const auto& a : acts) {
    const Activation act = {a.act, 0, 0};
    const double time = least_time([&] { table.act(act, x, n, y, n, rows, n); }, 0.05);
    std::printf("%-8s %-9s %.2f ns per 16 values\n", table.name, a.name, time * 1e9 / (rows * n / 16));
  }
  std::free(x), std::free(y), std::free(g);
}

void bench_conv(const KernelTable& table, double peak) {
  Conv2dArgs args = {};
  args.channels = 64, args.height = 56, args.width = 56, args.out_channels = 64, args.out_height = 56,
  args.out_width = 56;
  args.kernel_height = args.kernel_width = 3, args.stride_height = args.stride_width = 1,
  args.pad_top = args.pad_left = 1;
  args.dilation_height = args.dilation_width = 1, args.groups = 1;
  float* x = make_floats(64 * 56 * 56);
  float* w = make_floats(64 * 64 * 9);
  float* y = make_floats(64 * 56 * 56);
  args.x = x, args.w = w, args.y = y;
  float* scratch = make_floats(conv2d_scratch_floats(args));
  const double time = least_time([&] { table.conv2d(args, 0, 0, 0, conv2d_panels(args), scratch); });
  const double rate = 2.0 * 64 * 64 * 9 * 56 * 56 / time / 1e9;
  std::printf("%-8s conv2d 64x56x56 3x3 %9.1f us %7.1f GF/s %5.1f %% of peak\n", table.name, time * 1e6, rate,
              100 * rate / peak);
  std::free(x), std::free(w), std::free(y), std::free(scratch);
}

}  // namespace

int main() {
  for (const Isa isa : {Isa::kAvx512, Isa::kAvx2, Isa::kPortable}) {
    if (!isa_supported(isa)) continue;
    const KernelTable& table = kernels(isa);
    const double peak = measure_peak(table);
    std::printf("%-8s FMA peak of one core %.1f GF/s\n", table.name, peak);
    bench_matmul(table, peak, RLX_ACT_NONE);
    bench_matmul(table, peak, RLX_ACT_GELU_ERF);
    bench_attention(table, peak);
    bench_conv(table, peak);
    bench_rows(table);
  }
  return 0;
}
