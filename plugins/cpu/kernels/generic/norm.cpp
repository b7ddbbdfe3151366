// SPDX-License-Identifier: Apache-2.0
// Softmax and the normalisations. Rows are read again for each pass rather than kept, so nothing is
// allocated.
#include <algorithm>
#include <cmath>

#include "block.h"
#include "composite.h"
#include "reduction.h"

namespace rlx_cpu {
namespace {

// Reads `count` elements of a view from flat position `begin` on, in blocks of doubles.
class Reader {
 public:
  Reader(const View& view, int64_t begin, int64_t count) : dtype_(view.dtype), left_(count) {
    if (count > 0) from_ = Cursor(view, begin);
  }
  int64_t next() {
    const int64_t n = std::min(kBlock, left_);
    if (n > 0) widen(dtype_, from_.read(n, scratch_), values, n);
    left_ -= n;
    return n;
  }
  alignas(64) double values[kBlock];

 private:
  uint32_t dtype_;
  int64_t left_;
  Cursor from_;
  alignas(64) char scratch_[kBlockBytes];
};

class Writer {
 public:
  Writer(const View& view, int64_t begin, int64_t count) : dtype_(view.dtype) {
    if (count > 0) to_ = Cursor(view, begin);
  }
  void put(const double* values, int64_t n) {
    narrow(dtype_, values, to_.target(n, scratch_), n);
    to_.commit(n, scratch_);
  }

 private:
  uint32_t dtype_;
  Cursor to_;
  alignas(64) char scratch_[kBlockBytes];
};

void softmax_line(const View& x, bool log, const View& y) {
  const int64_t count = x.dims[0];
  double highest = -std::numeric_limits<double>::infinity();
  Reader first(x, 0, count);
  for (int64_t n; (n = first.next()) > 0;) {
    for (int64_t i = 0; i < n; ++i)
      highest = highest != highest || highest > first.values[i] ? highest : first.values[i];
  }
  double sum = 0;
  Reader second(x, 0, count);
  for (int64_t n; (n = second.next()) > 0;) {
    for (int64_t i = 0; i < n; ++i) sum += std::exp(second.values[i] - highest);
  }
  const double log_sum = std::log(sum);
  Reader third(x, 0, count);
  Writer out(y, 0, count);
  for (int64_t n; (n = third.next()) > 0;) {
    for (int64_t i = 0; i < n; ++i) {
      const double shifted = third.values[i] - highest;
      third.values[i] = log ? shifted - log_sum : std::exp(shifted) / sum;
    }
    out.put(third.values, n);
  }
}

}  // namespace

KernelStatus softmax(const View& x, uint32_t axis, bool log, const View& y, Range range) {
  if (!is_float(x.dtype)) return unsupported(0, x.dtype);
  if (y.dtype != x.dtype || y.rank != x.rank) return invalid(0, y.dtype, x.dtype);
  if (axis >= x.rank) return invalid(0, axis, x.rank);
  const View x_lines = drop_axes(x, 1u << axis);
  const View y_lines = drop_axes(y, 1u << axis);
  View from = sub_view(x, axis, axis + 1, 0);
  View to = sub_view(y, axis, axis + 1, 0);
  for (int64_t item = range.begin; item < range.end; ++item) {
    from.data = element_at(x, offset_of(item, x_lines.rank, x_lines.dims, x_lines.strides));
    to.data = element_at(y, offset_of(item, y_lines.rank, y_lines.dims, y_lines.strides));
    softmax_line(from, log, to);
  }
  return {};
}

namespace {

// x [+ residual] of one row, rounded to the dtype as a separate add would be.
class SumReader {
 public:
  SumReader(const View& x, const View* residual, int64_t begin, int64_t count)
      : dtype_(x.dtype),
        has_residual_(residual != nullptr),
        x_(x, begin, count),
        residual_(residual ? *residual : x, begin, residual ? count : 0) {}
  int64_t next() {
    const int64_t n = x_.next();
    if (has_residual_ && n > 0) {
      (void)residual_.next();
      for (int64_t i = 0; i < n; ++i) x_.values[i] += residual_.values[i];
      narrow(dtype_, x_.values, rounded_, n);
      widen(dtype_, rounded_, x_.values, n);
    }
    return n;
  }
  double* values() { return x_.values; }

 private:
  uint32_t dtype_;
  bool has_residual_;
  Reader x_;
  Reader residual_;
  alignas(64) char rounded_[kBlockBytes];
};

// What a row is turned into: (s - mean) * scale * (gamma + offset) + beta.
struct RowNorm {
  const View* gamma;
  const View* beta;
  double gamma_offset;
};

void write_row(SumReader&& source, double mean, double scale, const RowNorm& norm, Writer& y, Writer* sum_out,
               int64_t count) {
  Reader gamma(norm.gamma ? *norm.gamma : View{}, 0, norm.gamma ? count : 0);
  Reader beta(norm.beta ? *norm.beta : View{}, 0, norm.beta ? count : 0);
  for (int64_t n; (n = source.next()) > 0;) {
    double* s = source.values();
    if (sum_out != nullptr) sum_out->put(s, n);
    const bool has_gamma = gamma.next() > 0;
    const bool has_beta = beta.next() > 0;
    for (int64_t i = 0; i < n; ++i) {
      s[i] = (s[i] - mean) * scale;
      if (has_gamma) s[i] *= gamma.values[i] + norm.gamma_offset;
      if (has_beta) s[i] += beta.values[i];
    }
    y.put(s, n);
  }
}

double mean_of(SumReader&& source, int64_t count) {
  double sum = 0;
  for (int64_t n; (n = source.next()) > 0;) {
    for (int64_t i = 0; i < n; ++i) sum += source.values()[i];
  }
  return sum / double(count);
}

double mean_square_of(SumReader&& source, double mean, int64_t count) {
  double sum = 0;
  for (int64_t n; (n = source.next()) > 0;) {
    for (int64_t i = 0; i < n; ++i) sum += (source.values()[i] - mean) * (source.values()[i] - mean);
  }
  return sum / double(count);
}

// A parameter as a view of the normalised dims alone, or false if it does not fit them.
bool normalised_part(const View& x, uint32_t axis, const View* param, View* part) {
  if (param == nullptr) return true;
  const uint32_t dims = x.rank - axis;
  if (!is_float(param->dtype) || param->rank < dims) return false;
  *part = sub_view(*param, param->rank - dims, param->rank, 0);
  return std::equal(part->dims, part->dims + dims, x.dims + axis);
}

KernelStatus norm_rows(const View& x, const View* residual, const View* gamma, const View* beta,
                       const NormAttrs& attrs, bool centred, const View& y, const View* sum_out,
                       Range range) {
  if (!is_float(x.dtype)) return unsupported(0, x.dtype);
  if (y.dtype != x.dtype || (residual != nullptr && residual->dtype != x.dtype))
    return invalid(0, y.dtype, x.dtype);
  if (sum_out != nullptr && sum_out->dtype != x.dtype) return invalid(0, sum_out->dtype, x.dtype);
  if (attrs.axis >= x.rank) return invalid(0, attrs.axis, x.rank);
  View gamma_part, beta_part;
  if (!normalised_part(x, attrs.axis, gamma, &gamma_part))
    return invalid(1, gamma->rank, x.rank - attrs.axis);
  if (!normalised_part(x, attrs.axis, beta, &beta_part)) return invalid(2, beta->rank, x.rank - attrs.axis);
  const RowNorm norm{gamma ? &gamma_part : nullptr, beta ? &beta_part : nullptr, attrs.gamma_offset};
  const int64_t count = element_count(sub_view(x, attrs.axis, x.rank, 0));
  if (count == 0) return {};
  for (int64_t row = range.begin; row < range.end; ++row) {
    const int64_t at = row * count;
    const double mean = centred ? mean_of(SumReader(x, residual, at, count), count) : 0.0;
    const double square = mean_square_of(SumReader(x, residual, at, count), mean, count);
    Writer out(y, at, count);
    Writer sums(sum_out ? *sum_out : y, at, count);
    write_row(SumReader(x, residual, at, count), mean, 1.0 / std::sqrt(square + attrs.eps), norm, out,
              sum_out ? &sums : nullptr, count);
  }
  return {};
}

}  // namespace

int64_t norm_items(const View& x, uint32_t axis) {
  int64_t rows = 1;
  for (uint32_t d = 0; d < axis && d < x.rank; ++d) rows *= x.dims[d];
  return rows;
}

KernelStatus layer_norm(const View& x, const View* residual, const View* gamma, const View* beta,
                        const NormAttrs& attrs, const View& y, const View* sum_out, Range range) {
  NormAttrs plain = attrs;
  plain.gamma_offset = 0;
  return norm_rows(x, residual, gamma, beta, plain, true, y, sum_out, range);
}

KernelStatus rms_norm(const View& x, const View* residual, const View* gamma, const NormAttrs& attrs,
                      const View& y, const View* sum_out, Range range) {
  return norm_rows(x, residual, gamma, nullptr, attrs, false, y, sum_out, range);
}

namespace {

bool is_channel_vector(const View& param, int64_t channels) {
  return is_float(param.dtype) && param.rank == 1 && param.dims[0] == channels;
}

double channel_value(const View& param, int64_t channel) {
  return load_f64(param.dtype, element_at(param, channel * param.strides[0]));
}

}  // namespace

KernelStatus group_norm(const View& x, const View& gamma, const View& beta, int64_t groups, double eps,
                        const View& y, Range range) {
  if (!is_float(x.dtype)) return unsupported(0, x.dtype);
  if (x.rank < 2 || y.rank != x.rank || y.dtype != x.dtype) return invalid(0, x.rank, 2);
  const int64_t channels = x.dims[1];
  if (groups < 1 || channels % groups != 0) return invalid(1, channels, groups);
  if (!is_channel_vector(gamma, channels) || !is_channel_vector(beta, channels))
    return invalid(1, gamma.rank, channels);
  const int64_t per_group = channels / groups;
  const int64_t plane = element_count(sub_view(x, 2, x.rank, 0));
  const int64_t count = per_group * plane;
  if (count == 0) return {};
  for (int64_t item = range.begin; item < range.end; ++item) {
    const int64_t at = item * count;
    const double mean = mean_of(SumReader(x, nullptr, at, count), count);
    const double scale = 1.0 / std::sqrt(mean_square_of(SumReader(x, nullptr, at, count), mean, count) + eps);
    for (int64_t c = 0; c < per_group; ++c) {
      const int64_t channel = item % groups * per_group + c;
      const double factor = scale * channel_value(gamma, channel);
      const double shift = channel_value(beta, channel);
      Reader in(x, at + c * plane, plane);
      Writer out(y, at + c * plane, plane);
      for (int64_t n; (n = in.next()) > 0;) {
        for (int64_t i = 0; i < n; ++i) in.values[i] = (in.values[i] - mean) * factor + shift;
        out.put(in.values, n);
      }
    }
  }
  return {};
}

KernelStatus batch_norm(const View& x, const View& gamma, const View& beta, const View& mean, const View& var,
                        uint32_t axis, double eps, const View& y, Range range) {
  if (!is_float(x.dtype)) return unsupported(0, x.dtype);
  if (axis >= x.rank || y.rank != x.rank || y.dtype != x.dtype) return invalid(0, axis, x.rank);
  const int64_t channels = x.dims[axis];
  for (const View* param : {&gamma, &beta, &mean, &var}) {
    if (!is_channel_vector(*param, channels)) return invalid(1, param->rank, channels);
  }
  const int64_t plane = element_count(sub_view(x, axis + 1, x.rank, 0));
  for (int64_t at = range.begin; at < range.end;) {
    // A run of elements of one channel.
    const int64_t count = std::min(plane - at % plane, range.end - at);
    const int64_t channel = at / plane % channels;
    const double factor = channel_value(gamma, channel) / std::sqrt(channel_value(var, channel) + eps);
    const double centre = channel_value(mean, channel);
    const double shift = channel_value(beta, channel);
    Reader in(x, at, count);
    Writer out(y, at, count);
    for (int64_t n; (n = in.next()) > 0;) {
      for (int64_t i = 0; i < n; ++i) in.values[i] = (in.values[i] - centre) * factor + shift;
      out.put(in.values, n);
    }
    at += count;
  }
  return {};
}

}  // namespace rlx_cpu
