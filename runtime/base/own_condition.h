// SPDX-License-Identifier: Apache-2.0
// A condition variable that a forked child may let go of. The destructor of an ordinary one waits until nobody waits for it, and
// the threads of the parent, which the child does not have, never leave.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <condition_variable>
#include <new>

namespace rlx {

class OwnCondition {
 public:
  OwnCondition() { new (&condition_) std::condition_variable; }
  ~OwnCondition() {
    if (::getpid() == owner_) condition_.~condition_variable();
  }
  OwnCondition(const OwnCondition&) = delete;
  OwnCondition& operator=(const OwnCondition&) = delete;
  std::condition_variable& operator*() { return condition_; }
  std::condition_variable* operator->() { return &condition_; }

 private:
  const pid_t owner_ = ::getpid();
  union {
    std::condition_variable condition_;
  };
};

}  // namespace rlx
