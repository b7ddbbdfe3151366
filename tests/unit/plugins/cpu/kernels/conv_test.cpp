// SPDX-License-Identifier: Apache-2.0
// Convolution against float64: strides, pads, dilation, groups, depthwise, pointwise, epilogues.
#include "test_support.h"

namespace rlx_cpu {
namespace {

using Conv = KernelTest;
RLX_FOR_EACH_ISA(Conv);

struct Shape {
  int64_t batches, channels, height, width, outputs, kernel_h, kernel_w, stride_h, stride_w, pad_top,
      pad_left, pad_more, dilation_h, dilation_w, groups;
};

const Shape kShapes[] = {
    {1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1},   {2, 3, 9, 11, 5, 3, 3, 1, 1, 1, 1, 0, 1, 1, 1},
    {1, 4, 12, 40, 9, 3, 3, 1, 1, 1, 1, 0, 1, 1, 1}, {1, 8, 7, 7, 17, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1},
    {1, 6, 10, 13, 4, 5, 2, 2, 3, 2, 0, 1, 1, 1, 2}, {1, 4, 15, 15, 4, 3, 3, 1, 1, 2, 2, 0, 2, 2, 4},
    {1, 8, 20, 37, 8, 3, 3, 2, 2, 1, 1, 0, 1, 1, 8}, {1, 8, 20, 37, 16, 3, 3, 1, 1, 1, 1, 0, 1, 1, 8},
    {1, 3, 30, 30, 8, 7, 7, 2, 2, 3, 3, 0, 1, 1, 1}, {1, 2, 5, 5, 3, 1, 1, 2, 2, 0, 0, 0, 1, 1, 1},
    {1, 2, 3, 50, 3, 3, 3, 1, 1, 4, 4, 2, 1, 1, 1},
};

TEST_P(Conv, MatchesTheFormula) {
  for (const Shape& s : kShapes) {
    for (const bool epilogue : {false, true}) {
      SCOPED_TRACE(testing::Message()
                   << s.channels << "x" << s.height << "x" << s.width << " groups " << s.groups);
      const int64_t oh =
          (s.height + 2 * s.pad_top + s.pad_more - s.dilation_h * (s.kernel_h - 1) - 1) / s.stride_h + 1;
      const int64_t ow =
          (s.width + 2 * s.pad_left + s.pad_more - s.dilation_w * (s.kernel_w - 1) - 1) / s.stride_w + 1;
      const int64_t in_group = s.channels / s.groups, out_group = s.outputs / s.groups;
      const Guarded<float> x(s.batches * s.channels * s.height * s.width, 1),
          w(s.outputs * in_group * s.kernel_h * s.kernel_w, 2), bias(s.outputs, 3),
          residual(s.batches * s.outputs * oh * ow, 4);
      Guarded<float> y(s.batches * s.outputs * oh * ow);
      y.fill(kNaN);
      Conv2dArgs args = {};
      args.x = x.data();
      args.x_batch_stride = s.channels * s.height * s.width;
      args.w = w.data();
      args.bias = epilogue ? bias.data() : nullptr;
      args.residual = epilogue ? residual.data() : nullptr;
      args.y = y.data();
      args.residual_batch_stride = args.y_batch_stride = s.outputs * oh * ow;
      args.channels = s.channels, args.height = s.height, args.width = s.width;
      args.out_channels = s.outputs, args.out_height = oh, args.out_width = ow;
      args.kernel_height = s.kernel_h, args.kernel_width = s.kernel_w;
      args.stride_height = s.stride_h, args.stride_width = s.stride_w;
      args.pad_top = s.pad_top, args.pad_left = s.pad_left;
      args.dilation_height = s.dilation_h, args.dilation_width = s.dilation_w;
      args.groups = s.groups;
      args.act.kind = epilogue ? RLX_ACT_RELU : RLX_ACT_NONE;
      Guarded<float> scratch(conv2d_scratch_floats(args));
      const int64_t panels = conv2d_panels(args), middle = panels / 2;
      for (int64_t b = 0; b < s.batches; ++b) {
        for (int64_t g = 0; g < s.groups; ++g) {
          table().conv2d(args, b, g, 0, middle, scratch.data());
          table().conv2d(args, b, g, middle, panels, scratch.data());
        }
      }
      for (int64_t i = 0; i < y.size(); ++i) {
        const int64_t px = i % ow, py = i / ow % oh, o = i / (ow * oh) % s.outputs,
                      b = i / (ow * oh * s.outputs);
        double want = epilogue ? bias[o] + static_cast<double>(residual[i]) : 0.0, size = std::fabs(want);
        for (int64_t c = 0; c < in_group; ++c) {
          for (int64_t ky = 0; ky < s.kernel_h; ++ky) {
            for (int64_t kx = 0; kx < s.kernel_w; ++kx) {
              const int64_t iy = py * s.stride_h - s.pad_top + ky * s.dilation_h,
                            ix = px * s.stride_w - s.pad_left + kx * s.dilation_w;
              if (iy < 0 || iy >= s.height || ix < 0 || ix >= s.width) continue;
              const int64_t channel = o / out_group * in_group + c;
              const double term =
                  static_cast<double>(w[((o * in_group + c) * s.kernel_h + ky) * s.kernel_w + kx]) *
                  x[((b * s.channels + channel) * s.height + iy) * s.width + ix];
              want += term;
              size += std::fabs(term);
            }
          }
        }
        if (epilogue) want = std::max(want, 0.0);
        ASSERT_NEAR(y[i], want, gamma(in_group * s.kernel_h * s.kernel_w + 4) * size)
            << "batch " << b << " channel " << o << " at " << py << "," << px;
      }
    }
  }
}

}  // namespace
}  // namespace rlx_cpu
