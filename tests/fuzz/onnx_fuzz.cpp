// SPDX-License-Identifier: Apache-2.0
// libFuzzer target: any bytes as an ONNX model without files beside it. Refusals are fine, internal faults
// are not.
#include <cstdint>
#include <cstdlib>

#include "runtime/import/onnx/import.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto model = rlx::onnx_import::import_bytes({reinterpret_cast<const std::byte*>(data), size}, "");
  if (!model && model.error().code() == rlx::ErrorCode::kInternal) std::abort();
  return 0;
}
