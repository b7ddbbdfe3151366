// SPDX-License-Identifier: Apache-2.0
// LIR images from strangers: any bytes may come. What verify_image accepts must read, and write back to the same bytes;
// what the C reader opens must answer every index without leaving the bytes.
#include <cstdlib>
#include <cstring>

#include "runtime/ir/lir/image.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

volatile std::uint64_t read_sink = 0;  // so that reads are not optimised away

/// Asks the plugins' reader for everything, also past the ends; a sanitizer sees a read outside `image`.
void read_all(const rlx_lir_image& image) {
  std::uint64_t sum = 0;
  const auto touch = [&](const void* at, std::uint64_t bytes) {
    for (std::uint64_t i = 0; at && i < bytes; i += 7) sum += static_cast<const unsigned char*>(at)[i];
  };
  const auto count = [&](std::uint32_t kind) { return static_cast<std::uint32_t>(rlx_lir_count(&image, kind)); };
  for (std::uint32_t i = 0; i <= count(RLX_LIR_VALUES) && i < 1000; ++i) {
    const rlx_lir_value* value = rlx_lir_value_at(&image, i);
    if (const std::int64_t* dims = rlx_lir_dims(&image, value)) touch(dims, 8ull * value->rank);
    if (const std::int64_t* strides = rlx_lir_strides(&image, value)) touch(strides, 8ull * value->rank);
    if (const void* constant = rlx_lir_constant(&image, value)) touch(constant, value->byte_size);
  }
  for (std::uint32_t i = 0; i <= count(RLX_LIR_OPS) && i < 1000; ++i) {
    const rlx_lir_op* op = rlx_lir_op_at(&image, i);
    if (const std::uint32_t* operands = rlx_lir_operands(&image, op)) touch(operands, 4ull * op->operand_count);
    if (const std::uint32_t* results = rlx_lir_results(&image, op)) touch(results, 4ull * op->result_count);
    std::uint32_t length = 0;
    if (const std::int64_t* list = rlx_lir_attr_list(&image, op, RLX_ATTR_AXES, RLX_LIR_ATTR_I64_LIST, &length))
      touch(list, 8ull * length);
    sum += static_cast<std::uint64_t>(rlx_lir_attr_i64(&image, op, RLX_ATTR_FN, 0));
    sum += rlx_lir_attr_f64(&image, op, RLX_ATTR_EPS, 0) > 0;
    if (op) touch(rlx_lir_text(&image, op->ns).data, rlx_lir_text(&image, op->ns).size);
    if (const char* name = rlx_lir_op_name(&image, i)) sum += std::strlen(name);
  }
  for (std::uint32_t i = 0; i <= count(RLX_LIR_REGIONS) && i < 1000; ++i)
    touch(rlx_lir_region_at(&image, i), sizeof(rlx_lir_region));
  read_sink = read_sink + sum;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  rlx::lir::Image copy(size);
  if (size) std::memcpy(copy.bytes().data(), data, size);
  const rlx::Bytes bytes = std::as_const(copy).bytes();
  rlx_lir_image image;
  if (rlx_lir_open(&image, bytes.data(), bytes.size(), nullptr) == RLX_STATUS_OK) read_all(image);
  const rlx::Status verified = rlx::lir::verify_image(bytes);
  const auto module = rlx::lir::read_image(bytes);
  require(verified.has_value() == module.has_value());
  if (!module) return 0;
  const auto again = rlx::lir::write_image(*module);
  require(again.has_value() && again->bytes().size() == size);
  require(std::memcmp(again->bytes().data(), data, size) == 0);
  return 0;
}
