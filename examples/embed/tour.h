// SPDX-License-Identifier: Apache-2.0
// The guided tour that `./try` shows: the backends of this machine, one template at shapes that nobody prepared, and the
// evidence that the answers are right.
#pragma once

#include <rlx/host/runtime.hpp>

#include <cstdint>
#include <string>

#include "embedder.h"

namespace rlx_embed {

struct TourOptions {
  std::string fixture;    ///< embeddings.json of PyTorch and ONNX Runtime; empty or missing: said, not skipped in silence
  std::string reference;  ///< plugin file of the float64 reference; empty or missing: likewise
  std::string model_folder;
  std::uint64_t seed = 0;  ///< of the shapes that are drawn at random
  double load_ms = 0;      ///< time that opening the model took
};

/// One line per device or plugin without one. Returns false where no device is usable.
bool show_backends(rlx::Runtime& runtime);
/// Runs the shapes and prints a line for each. Returns false on an error, which is printed.
bool show_shapes(Embedder& embedder, const TourOptions& options);
/// Compares with the fixture and the float64 reference. Returns false where a check fails or could not be made.
bool show_checks(Embedder& embedder, const TourOptions& options);

}  // namespace rlx_embed
