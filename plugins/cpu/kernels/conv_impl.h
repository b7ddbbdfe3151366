// SPDX-License-Identifier: Apache-2.0
// 2-D convolution: input pixels gathered into panels of 16 output pixels, the weights as rows of A (namespace RLX_CPU_ISA).
#ifndef RLX_CPU_KERNELS_CONV_IMPL_H_
#define RLX_CPU_KERNELS_CONV_IMPL_H_

#include "conv.h"
#include "matmul_impl.h"

namespace rlx_cpu::RLX_CPU_ISA {

/// One line of a panel: the input pixel of one kernel tap and channel for 16 output pixels from `pixel` on.
static void gather_line(const Conv2dArgs& args, const float* plane, int64_t ky, int64_t kx, int64_t pixel,
                        float* out) {
  const int64_t pixels = args.out_height * args.out_width;
  int64_t oy = pixel / args.out_width;
  int64_t ox = pixel % args.out_width;
  for (int64_t i = 0; i < kPanelColumns; ++i) {
    const int64_t y = oy * args.stride_height - args.pad_top + ky * args.dilation_height;
    const int64_t x = ox * args.stride_width - args.pad_left + kx * args.dilation_width;
    const bool inside = pixel + i < pixels && y >= 0 && y < args.height && x >= 0 && x < args.width;
    out[i] = inside ? plane[y * args.width + x] : 0.0f;
    if (++ox == args.out_width) {
      ox = 0;
      ++oy;
    }
  }
}

/// True if the 16 output pixels from `pixel` on lie in one output row and step by one input pixel.
static bool one_run(const Conv2dArgs& args, int64_t pixel) {
  return args.stride_width == 1 && pixel % args.out_width + kPanelColumns <= args.out_width;
}

static void gather_panel(const Conv2dArgs& args, const float* x, int64_t pixel, float* out) {
  const int64_t channels = args.channels / args.groups;
  const bool run = one_run(args, pixel);
  const int64_t oy = pixel / args.out_width;
  const int64_t ox = pixel % args.out_width;
  for (int64_t c = 0; c < channels; ++c, x += args.height * args.width) {
    for (int64_t ky = 0; ky < args.kernel_height; ++ky) {
      const int64_t y = oy * args.stride_height - args.pad_top + ky * args.dilation_height;
      for (int64_t kx = 0; kx < args.kernel_width; ++kx, out += kPanelColumns) {
        const int64_t left = ox - args.pad_left + kx * args.dilation_width;
        if (run && y >= 0 && y < args.height && left >= 0 && left + kPanelColumns <= args.width) {
          for (int64_t i = 0; i < kPanelColumns; i += kWidth) store(out + i, load(x + y * args.width + left + i));
        } else {
          gather_line(args, x, ky, kx, pixel, out);
        }
      }
    }
  }
}

/// A 1x1 kernel that reads every pixel in place: the input plane already is a K x N matrix.
static bool is_pointwise(const Conv2dArgs& args) {
  return args.kernel_height == 1 && args.kernel_width == 1 && args.stride_height == 1 && args.stride_width == 1 &&
         args.pad_top == 0 && args.pad_left == 0 && args.out_height == args.height && args.out_width == args.width;
}

static void conv2d(const Conv2dArgs& args, int64_t batch, int64_t group, int64_t panel_begin, int64_t panel_end,
                   float* scratch) {
  const int64_t channels = args.channels / args.groups;
  const int64_t outputs = args.out_channels / args.groups;
  const int64_t k = channels * args.kernel_height * args.kernel_width;
  const int64_t pixels = args.out_height * args.out_width;
  const float* x = args.x + batch * args.x_batch_stride + group * channels * args.height * args.width;
  const int64_t out_offset = group * outputs * pixels;
  const bool pointwise = is_pointwise(args);

  for (int64_t panel = panel_begin; panel < panel_end; panel += kDotPanels) {
    const int64_t panels = smaller(kDotPanels, panel_end - panel);
    const int64_t pixel = panel * kPanelColumns;
    const int64_t columns = smaller(panels * kPanelColumns, pixels - pixel);
    if (pointwise) {
      const PackPart source = {x + pixel, pixels, 1, columns, 1.0f};
      pack_b(&source, 1, k, 0, panels, scratch);
    } else {
      for (int64_t p = 0; p < panels; ++p) {
        gather_panel(args, x, pixel + p * kPanelColumns, scratch + packed_floats(p, k));
      }
    }
    MatmulPart part = {};
    part.c = args.y + batch * args.y_batch_stride + out_offset + pixel;
    part.c_row_stride = pixels;
    part.n = columns;
    part.row_bias = args.bias == nullptr ? nullptr : args.bias + group * outputs;
    part.residual = args.residual == nullptr
                        ? nullptr
                        : args.residual + batch * args.residual_batch_stride + out_offset + pixel;
    part.residual_row_stride = pixels;
    MatmulArgs product = {};
    product.a = args.w + group * outputs * k;
    product.a_row_stride = k;
    product.k = k;
    product.packed_b = scratch;
    product.parts = &part;
    product.part_count = 1;
    product.residual_after_act = args.residual_after_act;
    product.act = args.act;
    matmul(product, 0, outputs, 0, panels);
  }
}

}  // namespace rlx_cpu::RLX_CPU_ISA

#endif  // RLX_CPU_KERNELS_CONV_IMPL_H_
