// SPDX-License-Identifier: Apache-2.0
// What a caller may say about one call: until when it may take, how to stop it, and which weights it uses.
#pragma once

#include <rlx/host/params.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>

namespace rlx {

/// Stops calls from another thread. Copies are the same token; one token may be given to many calls. A default one stops
/// nothing. [any-thread]
class CancelToken {
 public:
  CancelToken() = default;
  static CancelToken make() {
    CancelToken token;
    token.cancelled_ = std::make_shared<std::atomic<bool>>(false);
    return token;
  }
  /// Every call that has the token returns kCancelled soon (within about 100 ms); so do later ones. Nothing to undo.
  void cancel() const {
    if (cancelled_) cancelled_->store(true, std::memory_order_relaxed);
  }
  bool cancelled() const { return cancelled_ && cancelled_->load(std::memory_order_relaxed); }
  explicit operator bool() const { return cancelled_ != nullptr; }

 private:
  std::shared_ptr<std::atomic<bool>> cancelled_;
};

/// Options of one call; an empty one costs nothing. After kCancelled or kDeadline everything stays usable, and the next
/// call gives the same bits as ever; outputs of the call that was stopped have unspecified contents.
struct CallOptions {
  std::optional<std::chrono::steady_clock::time_point> deadline;  ///< kDeadline once it has passed
  CancelToken cancel;                                             ///< kCancelled once it is set
  ParamSet params;                                                ///< of runs: empty = the template's own
};

}  // namespace rlx
