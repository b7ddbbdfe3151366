// SPDX-License-Identifier: Apache-2.0
// BoundRun: one variant with its inputs and outputs fixed, for callers that run the same memory again and again.
#pragma once

#include <rlx/host/call.hpp>
#include <rlx/host/result.hpp>

#include <memory>

namespace rlx {

/// Names, dtypes, shapes and sizes were checked when it was made (CompiledGraph::bind); a call checks none of them again
/// and allocates nothing. Lifetime: the memory that was bound outlives it, at its address; the variant is kept. Move-only.
/// Used by one thread at a time; several of one variant may be called at once.
class RLX_API BoundRun {
 public:
  struct Body;
  BoundRun();
  explicit BoundRun(std::unique_ptr<Body> body);
  BoundRun(BoundRun&&) noexcept;
  BoundRun& operator=(BoundRun&&) noexcept;
  ~BoundRun();

  /// Runs on what lies in the inputs now. Errors: kUnsetParam, kDataError, kCancelled, kDeadline, kBackendError;
  /// kInvalidArgument for an empty one.
  Status call(const CallOptions& options = {}) const;

 private:
  std::unique_ptr<Body> body_;
};

}  // namespace rlx
