// SPDX-License-Identifier: Apache-2.0
// 2-D convolution: input pixels gathered into panels of 16 output pixels, the weights as rows of A (namespace
// RLX_CPU_ISA).
#ifndef RLX_CPU_KERNELS_CONV_IMPL_H_
#define RLX_CPU_KERNELS_CONV_IMPL_H_

#include "conv.h"
#include "matmul_impl.h"
#include "row_ops_impl.h"

namespace rlx_cpu::RLX_CPU_ISA {

/// Output pixels first..first+count-1 of a panel that lie in one output row.
struct PixelRun {
  int64_t first;
  int64_t count;
  int64_t row;     ///< of the input, for kernel line 0
  int64_t column;  ///< of the input, for kernel column 0 and the run's first pixel
};

/// Cuts the panel at the ends of output rows; returns how many runs. Pixels past the image are left out.
static int runs_of_panel(const Conv2dArgs& args, int64_t pixel, PixelRun* runs) {
  const int64_t end = smaller(pixel + kPanelColumns, args.out_height * args.out_width);
  int count = 0;
  for (int64_t at = pixel; at < end;) {
    const int64_t oy = at / args.out_width;
    const int64_t ox = at % args.out_width;
    const int64_t stop = smaller(end, (oy + 1) * args.out_width);
    runs[count++] = {at - pixel, stop - at, oy * args.stride_height - args.pad_top,
                     ox * args.stride_width - args.pad_left};
    at = stop;
  }
  return count;
}

/// Copies one run of one tap for every channel, from planes `plane` floats apart to lines `line` floats
/// apart.
static inline void copy_run(const float* source, int64_t step, int64_t plane, int64_t channels, int64_t count,
                            float* out, int64_t line) {
  if (step != 1) {
    for (int64_t c = 0; c < channels; ++c, source += plane, out += line) {
      for (int64_t i = 0; i < count; ++i) out[i] = source[i * step];
    }
    return;
  }
  for (int64_t i = 0; i < count; i += kWidth) {
    const int64_t lanes = smaller(kWidth, count - i);
    for (int64_t c = 0; c < channels; ++c)
      store_some(out + c * line + i, load_some(source + c * plane + i, lanes), lanes);
  }
}

/// One run of kernel tap (ky, kx) for every channel: the input pixels, zero outside the image.
static void gather_run(const Conv2dArgs& args, const PixelRun& run, const float* x, int64_t ky, int64_t kx,
                       float* out) {
  const int64_t channels = args.channels / args.groups;
  const int64_t plane = args.height * args.width;
  const int64_t line = args.kernel_height * args.kernel_width * kPanelColumns;
  const int64_t step = args.stride_width;
  const int64_t y = run.row + ky * args.dilation_height;
  const int64_t left = run.column + kx * args.dilation_width;
  out += run.first;
  // Pixels begin..end-1 of the run have a column inside the image.
  int64_t begin = left >= 0 ? 0 : smaller(run.count, (-left + step - 1) / step);
  int64_t end =
      left >= args.width ? begin : larger(begin, smaller(run.count, (args.width - 1 - left) / step + 1));
  if (y < 0 || y >= args.height) begin = end = 0;
  for (int64_t c = 0; c < channels && end - begin < run.count; ++c) {
    for (int64_t i = 0; i < run.count; ++i) out[c * line + i] = 0.0f;
  }
  if (begin < end) {
    copy_run(x + y * args.width + left + begin * step, step, plane, channels, end - begin, out + begin, line);
  }
}

static void gather_panel(const Conv2dArgs& args, const float* x, int64_t pixel, float* out) {
  PixelRun runs[kPanelColumns];
  const int count = runs_of_panel(args, pixel, runs);
  const int64_t filled = count == 0 ? 0 : runs[count - 1].first + runs[count - 1].count;
  const int64_t lines = args.channels / args.groups * args.kernel_height * args.kernel_width;
  for (int64_t ky = 0; ky < args.kernel_height; ++ky) {
    for (int64_t kx = 0; kx < args.kernel_width; ++kx) {
      float* tap = out + (ky * args.kernel_width + kx) * kPanelColumns;
      for (int r = 0; r < count; ++r) gather_run(args, runs[r], x, ky, kx, tap);
    }
  }
  for (int64_t i = 0; i < lines && filled < kPanelColumns; ++i) {
    for (int64_t c = filled; c < kPanelColumns; ++c) out[i * kPanelColumns + c] = 0.0f;
  }
}

/// A 1x1 kernel that reads every pixel in place: the input plane already is a K x N matrix.
static bool is_pointwise(const Conv2dArgs& args) {
  return args.kernel_height == 1 && args.kernel_width == 1 && args.stride_height == 1 &&
         args.stride_width == 1 && args.pad_top == 0 && args.pad_left == 0 &&
         args.out_height == args.height && args.out_width == args.width;
}

/// The operands of one image and group.
struct ConvSlice {
  const float* x;
  const float* w;
  const float* bias;
  const float* residual;
  float* y;
  int64_t channels;
  int64_t outputs;
};

static ConvSlice slice_of(const Conv2dArgs& args, int64_t batch, int64_t group) {
  ConvSlice s;
  s.channels = args.channels / args.groups;
  s.outputs = args.out_channels / args.groups;
  const int64_t out_offset = group * s.outputs * args.out_height * args.out_width;
  s.x = args.x + batch * args.x_batch_stride + group * s.channels * args.height * args.width;
  s.w = args.w + group * s.outputs * s.channels * args.kernel_height * args.kernel_width;
  s.bias = args.bias == nullptr ? nullptr : args.bias + group * s.outputs;
  s.residual =
      args.residual == nullptr ? nullptr : args.residual + batch * args.residual_batch_stride + out_offset;
  s.y = args.y + batch * args.y_batch_stride + out_offset;
  return s;
}

/// Panels [panel, panel + panels) of one slice, already in `scratch`, times its weights.
static void multiply_panels(const Conv2dArgs& args, const ConvSlice& s, int64_t panel, int64_t panels,
                            float* scratch) {
  const int64_t pixels = args.out_height * args.out_width;
  const int64_t pixel = panel * kPanelColumns;
  MatmulPart part = {};
  part.c = s.y + pixel;
  part.c_row_stride = pixels;
  part.n = smaller(panels * kPanelColumns, pixels - pixel);
  part.row_bias = s.bias;
  part.residual = s.residual == nullptr ? nullptr : s.residual + pixel;
  part.residual_row_stride = pixels;
  MatmulArgs product = {};
  product.a = s.w;
  product.k = s.channels * args.kernel_height * args.kernel_width;
  product.a_row_stride = product.k;
  product.packed_b = scratch;
  product.parts = &part;
  product.part_count = 1;
  product.residual_after_act = args.residual_after_act;
  product.act = args.act;
  matmul(product, 0, s.outputs, 0, panels);
}

/// Depthwise: with one input channel a panel has few lines, so each is used from a register and not gathered
/// first. Sums in the order of the taps, as the matmul does.
static void depthwise_panel(const Conv2dArgs& args, const ConvSlice& s, int64_t panel, float* line) {
  const int64_t pixels = args.out_height * args.out_width;
  const int64_t pixel = panel * kPanelColumns;
  const int64_t columns = smaller(kPanelColumns, pixels - pixel);
  const int64_t taps = args.kernel_height * args.kernel_width;
  gather_panel(args, s.x, pixel, line);
  for (int64_t o = 0; o < s.outputs; ++o) {
    alignas(64) float sum[kPanelColumns];
    for (int64_t c = 0; c < kPanelColumns; c += kWidth) {
      F v = zero();
      for (int64_t t = 0; t < taps; ++t)
        v = fma(set1(s.w[o * taps + t]), load(line + t * kPanelColumns + c), v);
      if (s.bias != nullptr) v = v + set1(s.bias[o]);
      store(sum + c, v);
    }
    float* y = s.y + o * pixels + pixel;
    const float* residual = s.residual == nullptr ? nullptr : s.residual + o * pixels + pixel;
    if (residual != nullptr && !args.residual_after_act) add_rows(sum, 0, residual, 0, 1, columns);
    act_rows(args.act, sum, 0, sum, 0, 1, kPanelColumns);
    if (residual != nullptr && args.residual_after_act) add_rows(sum, 0, residual, 0, 1, columns);
    map_rows(Identity{}, sum, 0, y, 0, 1, columns);
  }
}

static void conv2d(const Conv2dArgs& args, int64_t batch, int64_t group, int64_t panel_begin,
                   int64_t panel_end, float* scratch) {
  const ConvSlice s = slice_of(args, batch, group);
  if (s.channels == 1 && s.outputs < kTileRows) {
    for (int64_t panel = panel_begin; panel < panel_end; ++panel) depthwise_panel(args, s, panel, scratch);
    return;
  }
  const int64_t k = s.channels * args.kernel_height * args.kernel_width;
  const int64_t pixels = args.out_height * args.out_width;
  const bool pointwise = is_pointwise(args);
  for (int64_t panel = panel_begin; panel < panel_end; panel += kDotPanels) {
    const int64_t panels = smaller(kDotPanels, panel_end - panel);
    const int64_t pixel = panel * kPanelColumns;
    if (pointwise) {
      const PackPart source = {s.x + pixel, pixels, 1, smaller(panels * kPanelColumns, pixels - pixel), 1.0f};
      pack_b(&source, 1, k, 0, panels, scratch);
    } else {
      for (int64_t p = 0; p < panels; ++p) {
        gather_panel(args, s.x, pixel + p * kPanelColumns, scratch + packed_floats(p, k));
      }
    }
    multiply_panels(args, s, panel, panels, scratch);
  }
}

}  // namespace rlx_cpu::RLX_CPU_ISA

#endif  // RLX_CPU_KERNELS_CONV_IMPL_H_
