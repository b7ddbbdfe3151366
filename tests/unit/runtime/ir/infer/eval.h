// SPDX-License-Identifier: Apache-2.0
// A float64 interpreter of the primitives that expansions use, for numbers only: slow, plain, and independent
// of the library's kernels.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/ir/graph.h"

namespace rlx::test {

struct Tensor {
  std::vector<std::int64_t> dims;
  std::vector<double> data;

  std::int64_t size() const;
  double at(const std::vector<std::int64_t>& index) const;
};

/// Outputs of a region for inputs of known sizes; symbols in it take their sizes from `binding`.
std::vector<Tensor> evaluate(const Graph& region, const std::vector<Tensor>& inputs,
                             const DimBinding& binding);

/// Calls body(index) for every index of `dims`, row-major.
template <class Body>
void for_each(const std::vector<std::int64_t>& dims, Body body) {
  std::vector<std::int64_t> index(dims.size(), 0);
  for (const std::int64_t n : dims)
    if (n == 0) return;
  while (true) {
    body(index);
    std::size_t axis = dims.size();
    while (axis > 0 && ++index[axis - 1] == dims[axis - 1]) index[--axis] = 0;
    if (axis == 0) return;
  }
}

}  // namespace rlx::test
