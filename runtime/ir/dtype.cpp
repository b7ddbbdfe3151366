// SPDX-License-Identifier: Apache-2.0
// Names and sizes of element types.
#include "runtime/ir/dtype.h"

#include <array>

namespace rlx {
namespace {

struct Row {
  std::string_view name;
  std::size_t bytes;
};

constexpr std::array<Row, 14> kRows = {{{"none", 0},
                                        {"bool", 1},
                                        {"i8", 1},
                                        {"i16", 2},
                                        {"i32", 4},
                                        {"i64", 8},
                                        {"u8", 1},
                                        {"u16", 2},
                                        {"u32", 4},
                                        {"u64", 8},
                                        {"f16", 2},
                                        {"bf16", 2},
                                        {"f32", 4},
                                        {"f64", 8}}};

const Row& row(DType dtype) {
  const auto number = static_cast<std::size_t>(dtype);
  return kRows[number < kRows.size() ? number : 0];
}

bool between(DType dtype, DType first, DType last) { return dtype >= first && dtype <= last; }

}  // namespace

std::string_view dtype_name(DType dtype) { return row(dtype).name; }

std::size_t dtype_bytes(DType dtype) { return row(dtype).bytes; }

DType dtype_from_name(std::string_view name) {
  for (std::size_t i = 1; i < kRows.size(); ++i)
    if (kRows[i].name == name) return static_cast<DType>(i);
  return DType::kNone;
}

bool is_float(DType dtype) { return between(dtype, DType::kF16, DType::kF64); }
bool is_signed_int(DType dtype) { return between(dtype, DType::kI8, DType::kI64); }
bool is_unsigned_int(DType dtype) { return between(dtype, DType::kU8, DType::kU64); }

}  // namespace rlx
