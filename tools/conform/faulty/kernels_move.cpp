// SPDX-License-Identifier: Apache-2.0
// Ops that make data from nothing or move it by rules that sizes alone decide.
#include "kernels.h"

namespace rlx_c0 {

bool is_axis(int64_t axis, const View& view) { return axis >= 0 && axis < static_cast<int64_t>(view.rank); }

Answer check_iota(const Call& c) {
  C0_NEED(c.in_count == 0 && c.out_count == 1, "wrong number of operands or results");
  C0_NEED(c.out[0].dtype == c.whole(RLX_ATTR_TO, 0) && c.out[0].dtype != RLX_DTYPE_BOOL,
          "no dtype to count in", 0, RLX_ATTR_TO);
  C0_NEED(c.out[0].rank == 0 || is_axis(c.whole(RLX_ATTR_AXIS, 0), c.out[0]), "there is no such axis", 0,
          RLX_ATTR_AXIS);
  return {};
}
int32_t run_iota(const Call& c) {
  const View& y = c.out[0];
  const int64_t axis = c.whole(RLX_ATTR_AXIS, 0);
  for (Walk walk(y); walk.more; walk.next()) {
    Cell index;
    index.i = y.rank ? walk.at[axis] : 0;
    store_at(y, walk.at, cast(RLX_DTYPE_I64, y.dtype, RLX_ROUND_EVEN, RLX_OVERFLOW_WRAP, index));
    if (c.stop(8)) return c.watch->status;
  }
  return RLX_STATUS_OK;
}

Answer check_rng_bits(const Call& c) {
  C0_NEED(c.in_count == 2 && c.out_count == 1 && c.has(0) && c.has(1), "wrong number of operands or results");
  C0_NEED(c.in[0].rank == 1 && c.in[0].dims[0] == 2 && c.in[0].dtype == RLX_DTYPE_U32, "the key is no u32[2]",
          0);
  C0_NEED(c.in[1].rank == 1 && c.in[1].dims[0] == 4 && c.in[1].dtype == RLX_DTYPE_U32,
          "the counter is no u32[4]", 1);
  C0_NEED(c.out[0].dtype == RLX_DTYPE_U32, "the result is no u32");
  return {};
}

namespace {

/// Source: Salmon, Moraes, Dror, Shaw 2011, Philox 4x32 with ten rounds.
void philox(const uint32_t* key, const uint32_t* counter, uint32_t* block) {
  uint32_t k0 = key[0], k1 = key[1];
  memcpy(block, counter, 4 * sizeof(uint32_t));
  for (int round = 0; round < 10; ++round, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u) {
    const uint64_t first = uint64_t{0xD2511F53u} * block[0], second = uint64_t{0xCD9E8D57u} * block[2];
    const uint32_t next[4] = {
        static_cast<uint32_t>(second >> 32) ^ block[1] ^ k0, static_cast<uint32_t>(second),
        static_cast<uint32_t>(first >> 32) ^ block[3] ^ k1, static_cast<uint32_t>(first)};
    memcpy(block, next, sizeof next);
  }
}

}  // namespace

int32_t run_rng_bits(const Call& c) {
  uint32_t key[2], base[4], counter[4], block[4] = {};
  for (int64_t n = 0; n < 2; ++n) key[n] = static_cast<uint32_t>(load_at(c.in[0], &n).i);
  for (int64_t n = 0; n < 4; ++n) base[n] = static_cast<uint32_t>(load_at(c.in[1], &n).i);
  uint64_t n = 0;
  for (Walk walk(c.out[0]); walk.more; walk.next(), ++n) {
    if (n % 4 == 0) {
      uint64_t carry = 0;
      for (int word = 0; word < 4; ++word) {
        carry += uint64_t{base[word]} + (word < 2 ? static_cast<uint32_t>(n / 4 >> (32 * word)) : 0);
        counter[word] = static_cast<uint32_t>(carry);
        carry >>= 32;
      }
      philox(key, counter, block);
    }
    Cell cell;
    cell.i = block[n % 4];
    store_at(c.out[0], walk.at, cell);
    if (c.stop(8)) return c.watch->status;
  }
  return RLX_STATUS_OK;
}

Answer check_concat(const Call& c) {
  C0_NEED(c.in_count > 0 && c.out_count == 1, "wrong number of operands or results");
  const View& y = c.out[0];
  const int64_t axis = c.whole(RLX_ATTR_AXIS, 0);
  C0_NEED(is_axis(axis, y), "there is no such axis", 0, RLX_ATTR_AXIS);
  int64_t size = 0;
  for (uint32_t n = 0; n < c.in_count; ++n) {
    C0_NEED(c.has(n) && c.in[n].dtype == y.dtype && c.in[n].rank == y.rank, "an operand is absent or differs",
            n);
    for (uint32_t a = 0; a < y.rank; ++a)
      C0_NEED(a == axis || c.in[n].dims[a] == y.dims[a], "dims differ", n);
    size += c.in[n].dims[axis];
  }
  C0_NEED(size == y.dims[axis], "the result has another size", 0, RLX_ATTR_AXIS);
  return {};
}
int32_t run_concat(const Call& c) {
  const int64_t axis = c.whole(RLX_ATTR_AXIS, 0);
  int64_t begin = 0;
  for (uint32_t n = 0; n < c.in_count; ++n) {
    View part = c.out[0];
    part.dims[axis] = c.in[n].dims[axis];
    part.data = element(part, begin * part.strides[axis]);
    begin += part.dims[axis];
    for (Walk walk(part); walk.more; walk.next()) {
      int64_t to = 0;  // a part of one element still has its stride
      for (uint32_t a = 0; a < part.rank; ++a) to += walk.at[a] * part.strides[a];
      move_element(element(part, to), element_at(c.in[n], walk.at), part.bytes);
      if (c.stop(8)) return c.watch->status;
    }
  }
  return RLX_STATUS_OK;
}

// ---- pad
// --------------------------------------------------------------------------------------------------------------

namespace {

/// The coordinate in x that coordinate `at` (0 = x's first) of the padded axis shows, or -1 for the value.
int64_t shown(int64_t mode, int64_t at, int64_t size, int64_t gap) {
  if (size == 0) return -1;
  const int64_t span = (size - 1) * (gap + 1) + 1;
  if (at < 0 || at >= span) {
    if (mode == RLX_PAD_CONST) return -1;
    if (mode == RLX_PAD_EDGE) {
      at = at < 0 ? 0 : span - 1;
    } else if (mode == RLX_PAD_WRAP) {
      at = (at % span + span) % span;
    } else {
      const int64_t period = span > 1 ? 2 * (span - 1) : 1;
      at = (at % period + period) % period;
      if (at >= span) at = period - at;
    }
  }
  return at % (gap + 1) ? -1 : at / (gap + 1);
}

}  // namespace

Answer check_pad(const Call& c) {
  C0_NEED(c.in_count == 2 && c.out_count == 1 && c.has(0) && c.has(1), "wrong number of operands or results");
  const View &x = c.in[0], &y = c.out[0];
  const int64_t mode = c.whole(RLX_ATTR_MODE, 0);
  C0_NEED(mode >= 0 && mode <= RLX_PAD_WRAP, "an unknown mode", 0, RLX_ATTR_MODE);
  C0_NEED(x.dtype == y.dtype && c.in[1].dtype == y.dtype && c.in[1].rank == 0,
          "dtypes differ, or the value is no scalar", 1);
  C0_NEED(x.rank == y.rank, "ranks differ", 0);
  for (uint32_t axis = 0; axis < x.rank; ++axis) {
    const int64_t gap = c.entry(RLX_ATTR_INTERIOR, axis, 0);
    C0_NEED(gap >= 0 && gap < int64_t{1} << 31, "a gap is negative or huge", 0, RLX_ATTR_INTERIOR);
    const int64_t span = x.dims[axis] ? (x.dims[axis] - 1) * (gap + 1) + 1 : 0;
    C0_NEED(span + c.entry(RLX_ATTR_LOW, axis, 0) + c.entry(RLX_ATTR_HIGH, axis, 0) == y.dims[axis],
            "the result has another size", 0, RLX_ATTR_LOW);
  }
  return {};
}
int32_t run_pad(const Call& c) {
  const View &x = c.in[0], &y = c.out[0];
  const int64_t mode = c.whole(RLX_ATTR_MODE, 0);
  for (Walk walk(y); walk.more; walk.next()) {
    const char* from = nullptr;
    int64_t offset = 0;
    bool inside = true;
    for (uint32_t axis = 0; axis < y.rank && inside; ++axis) {
      const int64_t at = shown(mode, walk.at[axis] - c.entry(RLX_ATTR_LOW, axis, 0), x.dims[axis],
                               c.entry(RLX_ATTR_INTERIOR, axis, 0));
      inside = at >= 0;
      offset += at * x.strides[axis];
    }
    from = inside ? element(x, offset) : c.in[1].data;
    int64_t to = 0;
    for (uint32_t axis = 0; axis < y.rank; ++axis) to += walk.at[axis] * y.strides[axis];
    move_element(element(y, to), from, y.bytes);
    if (c.stop(20)) return c.watch->status;
  }
  return RLX_STATUS_OK;
}

// ---- blocks that begin where a tensor says
// -------------------------------------------------------------------------------

namespace {

Answer check_block(const Call& c, const View& whole, const View& block, const View& start, uint32_t operand) {
  C0_NEED(whole.dtype == block.dtype && whole.rank == block.rank, "dtypes or ranks differ", 0);
  for (uint32_t axis = 0; axis < whole.rank; ++axis)
    C0_NEED(block.dims[axis] <= whole.dims[axis], "the block is larger than x", 0);
  C0_NEED(start.dtype == RLX_DTYPE_I64 && start.rank == 1 && start.dims[0] == whole.rank,
          "the start is no i64[rank]", operand);
  const int64_t policy = c.whole(RLX_ATTR_INDEX_POLICY, 0);
  C0_NEED(policy == RLX_INDEX_ERROR || policy == RLX_INDEX_CLAMP, "an unknown index policy", operand,
          RLX_ATTR_INDEX_POLICY);
  return {};
}

int32_t find_block(const Call& c, const View& whole, const View& block, const View& start, int64_t* offset) {
  *offset = 0;
  for (uint32_t axis = 0; axis < whole.rank; ++axis) {
    const int64_t index = axis, wanted = load_at(start, &index).i, last = whole.dims[axis] - block.dims[axis];
    const int64_t at = wanted < 0 ? 0 : wanted > last ? last : wanted;
    if (at != wanted && c.whole(RLX_ATTR_INDEX_POLICY, 0) == RLX_INDEX_ERROR)
      return c.refuse(wanted, last + 1);
    *offset += at * whole.strides[axis];
  }
  return RLX_STATUS_OK;
}

}  // namespace

Answer check_dynamic_slice(const Call& c) {
  C0_NEED(c.in_count == 2 && c.out_count == 1 && c.has(0) && c.has(1), "wrong number of operands or results");
  return check_block(c, c.in[0], c.out[0], c.in[1], 1);
}
int32_t run_dynamic_slice(const Call& c) {
  const View& y = c.out[0];
  int64_t offset = 0;
  C0_TRY(find_block(c, c.in[0], y, c.in[1], &offset));
  View block = c.in[0];
  block.data = element(block, offset);
  memcpy(block.dims, y.dims, sizeof block.dims);
  for (Walk walk(y); walk.more; walk.next()) {
    move_element(element_at(y, walk.at), element_at(block, walk.at), y.bytes);
    if (c.stop(8)) return c.watch->status;
  }
  return RLX_STATUS_OK;
}

Answer check_dynamic_update_slice(const Call& c) {
  C0_NEED(c.in_count == 3 && c.out_count == 1 && c.has(0) && c.has(1) && c.has(2),
          "wrong number of operands or results");
  C0_NEED(c.in[0].dtype == c.out[0].dtype && same_dims(c.in[0], c.out[0]),
          "the result differs in dtype or dims", 0);
  return check_block(c, c.out[0], c.in[1], c.in[2], 2);
}
int32_t run_dynamic_update_slice(const Call& c) {
  const View &u = c.in[1], &y = c.out[0];
  int64_t offset = 0;
  C0_TRY(find_block(c, y, u, c.in[2], &offset));
  C0_TRY(run_copy(c));
  View block = y;
  block.data = element(block, offset);
  memcpy(block.dims, u.dims, sizeof block.dims);
  for (Walk walk(u); walk.more; walk.next()) {
    move_element(element_at(block, walk.at), element_at(u, walk.at), y.bytes);
    if (c.stop(8)) return c.watch->status;
  }
  return RLX_STATUS_OK;
}

}  // namespace rlx_c0
