// SPDX-License-Identifier: Apache-2.0
// Walking strided views; see cursor.h.
#include "cursor.h"

#include <algorithm>
#include <cstring>

namespace rlx_cpu {

int64_t element_bytes(uint32_t dtype) {
  static constexpr int8_t kBytes[] = {0, 1, 1, 2, 4, 8, 1, 2, 4, 8, 2, 2, 4, 8};
  return dtype < sizeof kBytes ? kBytes[dtype] : 0;
}

int64_t element_count(const View& view) {
  int64_t count = 1;
  for (uint32_t i = 0; i < view.rank; ++i) count *= view.dims[i];
  return count;
}

View dense_view(void* data, uint32_t dtype, uint32_t rank, const int64_t* dims) {
  View view;
  view.data = data;
  view.dtype = dtype;
  view.rank = rank;
  int64_t stride = 1;
  for (uint32_t i = rank; i-- > 0;) {
    view.dims[i] = dims[i];
    view.strides[i] = stride;
    stride *= dims[i];
  }
  return view;
}

View sub_view(const View& view, uint32_t first, uint32_t last, int64_t offset) {
  View part;
  part.dtype = view.dtype;
  part.data = element_at(view, offset);
  for (uint32_t i = first; i < last; ++i) {
    part.dims[part.rank] = view.dims[i];
    part.strides[part.rank++] = view.strides[i];
  }
  return part;
}

View drop_axes(const View& view, uint32_t axes) {
  View part;
  part.dtype = view.dtype;
  part.data = view.data;
  for (uint32_t i = 0; i < view.rank; ++i) {
    if (axes >> i & 1u) continue;
    part.dims[part.rank] = view.dims[i];
    part.strides[part.rank++] = view.strides[i];
  }
  return part;
}

bool same_memory(const View& a, const View& b) {
  if (a.data != b.data || a.dtype != b.dtype || a.rank != b.rank) return false;
  for (uint32_t i = 0; i < a.rank; ++i) {
    if (a.dims[i] != b.dims[i] || (a.strides[i] != b.strides[i] && a.dims[i] > 1)) return false;
  }
  return true;
}

Cursor::Cursor(const View& view, int64_t begin)
    : bytes_(element_bytes(view.dtype)), base_(static_cast<char*>(view.data)) {
  // Dims of extent 1 vanish; an outer dim whose stride continues the inner one merges with it.
  rank_ = 0;
  for (uint32_t i = view.rank; i-- > 0;) {
    if (view.dims[i] == 1) continue;
    if (rank_ > 0 && view.strides[i] == strides_[rank_ - 1] * dims_[rank_ - 1]) {
      dims_[rank_ - 1] *= view.dims[i];
    } else {
      dims_[rank_] = view.dims[i];
      strides_[rank_++] = view.strides[i];
    }
  }
  if (rank_ == 0) {
    dims_[0] = strides_[0] = 1;
    rank_ = 1;
  }
  seek(begin);
}

void Cursor::seek(int64_t position) {
  data_ = base_;
  for (int64_t i = 0; i < rank_; ++i) {
    coords_[i] = 0;
    if (dims_[i] == 0) continue;
    coords_[i] = position % dims_[i];
    position /= dims_[i];
    data_ += coords_[i] * strides_[i] * bytes_;
  }
}

void Cursor::advance(int64_t n) {
  coords_[0] += n;
  data_ += n * strides_[0] * bytes_;
  for (int64_t i = 0; i + 1 < rank_ && coords_[i] >= dims_[i]; ++i) {
    coords_[i] -= dims_[i];
    data_ += (strides_[i + 1] - dims_[i] * strides_[i]) * bytes_;
    ++coords_[i + 1];
  }
}

namespace {

// Elements move as plain words, whatever their type.
typedef uint8_t __attribute__((may_alias)) Word1;
typedef uint16_t __attribute__((may_alias)) Word2;
typedef uint32_t __attribute__((may_alias)) Word4;
typedef uint64_t __attribute__((may_alias)) Word8;

template <class T>
void move_strided(const char* from, int64_t from_stride, char* to, int64_t to_stride, int64_t n) {
  const T* x = reinterpret_cast<const T*>(from);
  T* y = reinterpret_cast<T*>(to);
  if (from_stride == 0 && to_stride == 1) {
    std::fill_n(y, n, *x);
  } else if (to_stride == 1) {
    for (int64_t i = 0; i < n; ++i) y[i] = x[i * from_stride];
  } else {
    for (int64_t i = 0; i < n; ++i) y[i * to_stride] = x[i * from_stride];
  }
}

// Strides in elements.
void move_elements(int64_t bytes, const char* from, int64_t from_stride, char* to, int64_t to_stride,
                   int64_t n) {
  if (from_stride == 1 && to_stride == 1) {
    std::memmove(to, from, size_t(n * bytes));
  } else if (bytes == 4) {
    move_strided<Word4>(from, from_stride, to, to_stride, n);
  } else if (bytes == 8) {
    move_strided<Word8>(from, from_stride, to, to_stride, n);
  } else if (bytes == 2) {
    move_strided<Word2>(from, from_stride, to, to_stride, n);
  } else {
    move_strided<Word1>(from, from_stride, to, to_stride, n);
  }
}

}  // namespace

const void* Cursor::read(int64_t n, void* scratch) {
  if (strides_[0] == 1 && dims_[0] - coords_[0] >= n) {
    const void* found = data_;
    advance(n);
    return found;
  }
  if (strides_[0] == 0 && dims_[0] - coords_[0] >= n) {
    if (filled_from_ != data_ || filled_ < n) {
      move_elements(bytes_, data_, 0, static_cast<char*>(scratch), 1, n);
      filled_from_ = data_;
      filled_ = n;
    }
    advance(n);
    return scratch;
  }
  filled_from_ = nullptr;
  gather(n, scratch);
  return scratch;
}

void Cursor::gather(int64_t n, void* target) {
  char* to = static_cast<char*>(target);
  while (n > 0) {
    const int64_t m = std::min(n, dims_[0] - coords_[0]);
    move_elements(bytes_, data_, strides_[0], to, 1, m);
    to += m * bytes_;
    n -= m;
    advance(m);
  }
}

void Cursor::commit(int64_t n, const void* scratch) {
  if (strides_[0] == 1 && dims_[0] - coords_[0] >= n) {
    advance(n);
    return;
  }
  const char* from = static_cast<const char*>(scratch);
  while (n > 0) {
    const int64_t m = std::min(n, dims_[0] - coords_[0]);
    move_elements(bytes_, from, 1, data_, strides_[0], m);
    from += m * bytes_;
    n -= m;
    advance(m);
  }
}

void copy_run(Cursor& from, Cursor& to, int64_t bytes, int64_t n) {
  alignas(64) char scratch[kBlockBytes];
  while (n > 0) {
    int64_t m = std::min(n, std::min(from.run(), to.run()));
    if (m > 8) {
      std::memmove(to.here(), from.here(), size_t(m * bytes));
      from.advance(m);
      to.advance(m);
    } else {
      m = std::min(n, kBlock);
      from.gather(m, to.target(m, scratch));
      to.commit(m, scratch);
    }
    n -= m;
  }
}

void copy_flat(const View& x, int64_t x_begin, const View& y, int64_t y_begin, int64_t n) {
  if (n <= 0) return;
  Cursor from(x, x_begin);
  Cursor to(y, y_begin);
  copy_run(from, to, element_bytes(y.dtype), n);
}

void fill_flat(const void* value, const View& y, int64_t y_begin, int64_t n) {
  if (n <= 0) return;
  alignas(64) char filled[kBlockBytes];
  const int64_t bytes = element_bytes(y.dtype);
  move_elements(bytes, static_cast<const char*>(value), 0, filled, 1, std::min(n, kBlock));
  Cursor to(y, y_begin);
  for (int64_t m; n > 0; n -= m) {
    m = std::min(n, kBlock);
    void* out = to.target(m, filled);
    if (out != filled) std::memcpy(out, filled, size_t(m * bytes));
    to.commit(m, filled);
  }
}

}  // namespace rlx_cpu
