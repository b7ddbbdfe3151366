// SPDX-License-Identifier: Apache-2.0
// How a model is compiled: what is fused, what the backend decides, how exact it must be. Every option here is part of the
// key under which templates and variants are found, but the verbosity.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace rlx {

/// Bounds on the error of a result, not instructions: a backend may always be more exact. See RLX_PRECISION_*.
enum class Precision { kF32, kF32Strict, kTf32, kBf16, kF16, kI8Dynamic };

/// Who decides which composites run in kernels of the backend's own.
enum class Dispatch {
  kPreferNative,  ///< the backend; what it does not take is expanded
  kForceCommon,   ///< every composite is expanded, whatever the backend offers
  kForceNative,   ///< a composite that the backend does not take is an error
};

struct CompileOptions {
  bool fuse = true;              ///< form composites; off = as written
  bool fold_constants = true;    ///< compute what depends on no input once
  bool remove_dead_code = true;  ///< off: what no output needs is computed too

  Dispatch dispatch = Dispatch::kPreferNative;
  /// Kinds of composites ("softmax", "layer_norm") to which kForceCommon or kForceNative applies whatever `dispatch` says.
  /// Errors of compiling: kUnknownName; kInvalidArgument for an op that is no composite, or that is in both.
  std::vector<std::string> force_common, force_native;
  /// A fusion that was missed or undone is an error (kMissedFusion) that lists all of them with their reasons.
  bool strict_fusion = false;

  /// Never lowered unasked: where the backend has the option, it is told so whatever its default is. kInvalidArgument for a
  /// lower class on a backend without it, or where `backend` says another.
  Precision precision = Precision::kF32;
  std::uint32_t alignment = 64;  ///< of every value in the arena that the core plans, in bytes: a power of two, 64 to 2 MiB
  unsigned thread_limit = 0;     ///< 0 = free, 1 = the caller's thread alone
  /// Lines on the log sink: 0 none, 1 one per compile, 2 the reason of every expansion and every missed fusion too.
  unsigned verbosity = 1;
  std::vector<std::pair<std::string, std::string>> backend;  ///< options of the backend, checked by it
};

}  // namespace rlx
