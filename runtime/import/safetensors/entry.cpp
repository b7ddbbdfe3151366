// SPDX-License-Identifier: Apache-2.0
// The one symbol of librlx_import_safetensors.so, and the guard that no exception passes.
#include <rlx/host/importer.hpp>

#include <exception>
#include <new>

#include "runtime/import/safetensors/reader.h"

extern "C" RLX_API void rlx_import_weights_2(const char* path,
                                             rlx::Result<std::vector<rlx::ParamSource>>* out) noexcept {
  using rlx::Error;
  using rlx::ErrorCode;
  try {
    *out = rlx::safetensors::read_file(path);
  } catch (const std::bad_alloc&) {
    *out = Error(ErrorCode::kOutOfMemory, "no memory to read the weights");
  } catch (const std::exception& fault) {
    *out = Error(ErrorCode::kInternal, fault.what());
  } catch (...) {
    *out = Error(ErrorCode::kInternal, "an unknown fault while reading the weights");
  }
}

static_assert(std::is_same_v<decltype(&rlx_import_weights_2), rlx::ImportWeightsFn>);
