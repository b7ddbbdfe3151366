// SPDX-License-Identifier: Apache-2.0
// libFuzzer target: any bytes as a safetensors file. What is accepted must lie inside the bytes.
#include <cstdint>
#include <cstdlib>

#include "runtime/import/safetensors/reader.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto sources = rlx::safetensors::read({reinterpret_cast<const std::byte*>(data), size}, nullptr);
  if (!sources) return 0;
  std::uint64_t sum = 0;
  for (const rlx::ParamSource& source : *sources) {
    if (source.view.bytes > size) std::abort();
    const auto* bytes = static_cast<const std::uint8_t*>(source.view.data);
    for (std::size_t i = 0; i < source.view.bytes; ++i) sum += bytes[i];
  }
  return sum == UINT64_MAX;
}
