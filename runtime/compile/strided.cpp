// SPDX-License-Identifier: Apache-2.0
// View arithmetic on Dim expressions.
#include "runtime/compile/strided.h"

#include <algorithm>
#include <vector>

namespace rlx {
namespace {

/// Neighbouring axes that lie in memory like one: size elements at a constant step.
struct Run {
  Dim size;
  Dim stride;
};

/// The view's axes merged from the right as far as provable; axes of number 1 vanish.
std::vector<Run> merged_runs(const Strided& view) {
  std::vector<Run> runs;  // innermost first
  for (std::size_t i = view.dims.size(); i-- > 0;) {
    if (view.dims[i] == Dim(1)) continue;
    if (!runs.empty() && view.strides[i] == runs.back().size * runs.back().stride)
      runs.back().size = runs.back().size * view.dims[i];
    else
      runs.push_back({view.dims[i], view.strides[i]});
  }
  return runs;
}

}  // namespace

Dims dense_strides(std::span<const Dim> dims) {
  Dims strides(dims.size());
  Dim step = 1;
  for (std::size_t i = dims.size(); i-- > 0;) {
    strides[i] = step;
    step = step * dims[i];
  }
  return strides;
}

bool is_dense(const Strided& view) {
  const Dims dense = dense_strides(view.dims);
  for (std::size_t i = 0; i < view.dims.size(); ++i)
    if (!(view.dims[i] == Dim(1)) && !(view.strides[i] == dense[i])) return false;
  return true;
}

bool is_inner_dense(const Strided& view) {
  return view.dims.empty() || view.dims.back() == Dim(1) || view.strides.back() == Dim(1);
}

Strided transposed(const Strided& view, std::span<const std::int64_t> perm) {
  Strided result{{}, {}, view.offset};
  for (const std::int64_t axis : perm) {
    result.dims.push_back(view.dims[static_cast<std::size_t>(axis)]);
    result.strides.push_back(view.strides[static_cast<std::size_t>(axis)]);
  }
  return result;
}

Strided broadcasted(const Strided& view, std::span<const Dim> dims) {
  Strided result{Dims(dims.begin(), dims.end()), Dims(dims.size()), view.offset};
  const std::size_t added = dims.size() - view.dims.size();
  for (std::size_t i = added; i < dims.size(); ++i) {
    const bool grows = view.dims[i - added] == Dim(1) && !(dims[i] == Dim(1));
    result.strides[i] = grows ? Dim(0) : view.strides[i - added];
  }
  return result;
}

Strided sliced(const Strided& view, std::span<const Dim> start, std::span<const Dim> step, std::span<const Dim> result_dims) {
  Strided result{Dims(result_dims.begin(), result_dims.end()), view.strides, view.offset};
  for (std::size_t i = 0; i < start.size(); ++i) {
    // A reversed slice of nothing starts at -1; it is a view of nothing all the same.
    result.offset = result.offset + max(start[i], Dim(0)) * view.strides[i];
    result.strides[i] = view.strides[i] * step[i];
  }
  return result;
}

std::optional<Strided> reshaped(const Strided& view, std::span<const Dim> dims) {
  Strided result{Dims(dims.begin(), dims.end()), Dims(dims.size()), view.offset};
  if (is_dense(view)) {
    result.strides = dense_strides(dims);
    return result;
  }
  const std::vector<Run> runs = merged_runs(view);
  std::size_t run = 0;
  Dim taken = 1;  // elements of runs[run] that inner axes already cover
  for (std::size_t i = dims.size(); i-- > 0;) {
    if (dims[i] == Dim(1)) {
      result.strides[i] = 1;
      continue;
    }
    if (run == runs.size()) return std::nullopt;
    result.strides[i] = runs[run].stride * taken;
    taken = taken * dims[i];
    if (taken == runs[run].size) {
      ++run;
      taken = 1;
    } else if (taken.is_number() && runs[run].size.is_number() && taken.number() >= runs[run].size.number()) {
      return std::nullopt;
    }
  }
  if (run != runs.size()) return std::nullopt;
  return result;
}

}  // namespace rlx
