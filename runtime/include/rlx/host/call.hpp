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
  static CancelToken make() { return CancelToken().linked(); }
  /// A token of its own that is cancelled with this one too.
  CancelToken linked() const {
    CancelToken token;
    token.flag_ = std::make_shared<Flag>();
    token.flag_->parent = flag_;
    return token;
  }
  /// Every call that has the token returns kCancelled soon (within about 100 ms); so do later ones. Nothing to undo.
  void cancel() const {
    if (flag_) flag_->set.store(true, std::memory_order_relaxed);
  }
  bool cancelled() const {
    for (const Flag* flag = flag_.get(); flag; flag = flag->parent.get())
      if (flag->set.load(std::memory_order_relaxed)) return true;
    return false;
  }
  explicit operator bool() const { return flag_ != nullptr; }

 private:
  struct Flag {
    std::atomic<bool> set = false;
    std::shared_ptr<const Flag> parent;
  };
  std::shared_ptr<Flag> flag_;
};

/// Options of one call; an empty one costs nothing. After kCancelled or kDeadline everything stays usable, and the next
/// call gives the same bits as ever; outputs of the call that was stopped have unspecified contents.
struct CallOptions {
  std::optional<std::chrono::steady_clock::time_point> deadline = {};  ///< kDeadline once it has passed
  CancelToken cancel = {};                                             ///< kCancelled once it is set
  ParamSet params = {};                                                ///< of runs: empty = the template's own
};

}  // namespace rlx
