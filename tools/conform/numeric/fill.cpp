// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "runtime/reference/round.h"

#include "tools/conform/numeric/numeric.h"

namespace rlx::conform {
namespace {

std::string written(const reference::Tensor& tensor) {
  std::string bytes(tensor.count() * dtype_bytes(tensor.dtype), '\0');
  reference::write_values(tensor, reinterpret_cast<std::byte*>(bytes.data()));
  return bytes;
}

}  // namespace

std::string fill_whole(DType dtype, std::uint64_t count, Random& random) {
  reference::Tensor tensor(dtype, {static_cast<std::int64_t>(count)});
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto number = static_cast<std::int64_t>(random.below(17));
    if (tensor.real())
      tensor.v[i] = static_cast<double>(number - 8);
    else
      tensor.i[i] = dtype == DType::kBool ? number & 1 : is_unsigned_int(dtype) ? number : number - 8;
  }
  return written(tensor);
}

std::string fill_uniform(DType dtype, std::uint64_t count, double low, double high, Random& random) {
  reference::Tensor tensor(dtype, {static_cast<std::int64_t>(count)});
  for (std::uint64_t i = 0; i < count; ++i) {
    const double number = low + (high - low) * random.unit();
    if (tensor.real())
      tensor.v[i] = reference::round_to(dtype, number);
    else
      tensor.i[i] = static_cast<std::int64_t>(std::floor(number));
  }
  return written(tensor);
}

bool claimed(const Facts& facts, std::uint32_t opcode, std::uint64_t dtypes, std::uint32_t fn) {
  for (const Claim& row : facts.claims)
    if (row.opcode == opcode && (row.dtypes & dtypes) == dtypes && (!fn || (row.functions >> fn & 1))) return true;
  return false;
}

}  // namespace rlx::conform
