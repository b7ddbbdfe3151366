// SPDX-License-Identifier: Apache-2.0
// A strided tensor in someone's memory, and walking an index space.
#pragma once

#include "number.h"

namespace rlx_c0 {

/// `data` is element [0,..,0]; strides in elements, 0 repeats, negative runs backwards. dtype NONE: an absent
/// operand.
struct View {
  char* data;
  uint32_t dtype;
  uint32_t rank;
  int64_t bytes;  ///< of an element
  int64_t dims[RLX_MAX_RANK];
  int64_t strides[RLX_MAX_RANK];
};

inline int64_t count_of(uint32_t rank, const int64_t* dims) {
  int64_t count = 1;
  for (uint32_t axis = 0; axis < rank; ++axis) count *= dims[axis];
  return count;
}
inline int64_t count_of(const View& view) { return count_of(view.rank, view.dims); }

inline void set_dense(View* view) {
  int64_t stride = 1;
  for (uint32_t axis = view->rank; axis-- > 0;) {
    view->strides[axis] = stride;
    stride *= view->dims[axis] ? view->dims[axis] : 1;
  }
}
inline bool is_dense(const View& view) {
  int64_t stride = 1;
  for (uint32_t axis = view.rank; axis-- > 0;) {
    if (view.dims[axis] == 0) return true;
    if (view.dims[axis] != 1 && view.strides[axis] != stride) return false;
    stride *= view.dims[axis];
  }
  return true;
}
inline bool same_dims(const View& a, const View& b) {
  return a.rank == b.rank && memcmp(a.dims, b.dims, a.rank * sizeof(int64_t)) == 0;
}

/// Walks all indices of `dims`, the last axis fastest.
struct Walk {
  uint32_t rank;
  const int64_t* dims;
  bool more;
  int64_t at[RLX_MAX_RANK] = {};

  Walk(uint32_t rank_, const int64_t* dims_) : rank(rank_), dims(dims_), more(true) {
    for (uint32_t axis = 0; axis < rank; ++axis) more = more && dims[axis] > 0;
  }
  explicit Walk(const View& view) : Walk(view.rank, view.dims) {}
  void next() {
    for (uint32_t axis = rank; axis-- > 0;) {
      if (++at[axis] < dims[axis]) return;
      at[axis] = 0;
    }
    more = false;
  }
};

inline char* element(const View& view, int64_t offset) { return view.data + offset * view.bytes; }
/// The element at an index of the same rank; a dim of 1 repeats.
inline char* element_at(const View& view, const int64_t* at) {
  int64_t offset = 0;
  for (uint32_t axis = 0; axis < view.rank; ++axis)
    if (view.dims[axis] != 1) offset += at[axis] * view.strides[axis];
  return element(view, offset);
}

inline Cell load_at(const View& view, const int64_t* at) { return load(view.dtype, element_at(view, at)); }
inline void store_at(const View& view, const int64_t* at, Cell cell) {
  store(view.dtype, element_at(view, at), cell);
}
inline void move_element(char* to, const char* from, int64_t bytes) {
  memmove(to, from, static_cast<size_t>(bytes));
}

}  // namespace rlx_c0
