// SPDX-License-Identifier: Apache-2.0
// Words that the public face and the core share: element types and the size of a symbol.
#pragma once

#include <rlx/host/export.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace rlx {

/// Element types; the numbers are those of the contract (rlx/types.h).
enum class DType : std::uint32_t {
  kNone = 0,
  kBool = 1,
  kI8 = 2,
  kI16 = 3,
  kI32 = 4,
  kI64 = 5,
  kU8 = 6,
  kU16 = 7,
  kU32 = 8,
  kU64 = 9,
  kF16 = 10,
  kBF16 = 11,
  kF32 = 12,
  kF64 = 13,
};

/// "f32"; "none" for kNone and for numbers that are no dtype.
RLX_API std::string_view dtype_name(DType dtype);
/// The dtype of a name; kNone where there is none of it.
RLX_API DType dtype_from_name(std::string_view name);
/// Bytes of an element; 0 for kNone.
RLX_API std::size_t dtype_bytes(DType dtype);

}  // namespace rlx
