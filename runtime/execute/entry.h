// SPDX-License-Identifier: Apache-2.0
// guard() for the public calls that take locks: forks know that a thread is inside, and a child that was forked while
// another thread was inside is told so instead of perhaps waiting for a lock that nobody gives back.
#pragma once

#include <utility>

#include "runtime/base/check.h"
#include "runtime/base/own_thread.h"

namespace rlx {

/// Runs `body` (which returns a Result) as guard() does. Errors: those of body; kInvalidArgument in such a child.
template <class Body>
auto entry(Body&& body) -> decltype(body()) {
  const InsideRuntime inside;
  if (InsideRuntime::is_refused()) [[unlikely]]
    return fail(ErrorCode::kInvalidArgument,
                "this process was forked while another thread was inside the runtime, and what that thread had locked stays locked here: "
                "fork while no call runs, or start a new process");
  return guard(std::forward<Body>(body));
}

/// For calls that look at something and cannot fail: what `body` returns, or an empty one in such a child.
template <class Body>
auto look(Body&& body) -> decltype(body()) {
  const InsideRuntime inside;
  if (InsideRuntime::is_refused()) [[unlikely]] return {};
  return body();
}

/// For destructors that take locks: forks know of them, and in such a child nothing is undone.
template <class Body>
void leave(Body&& body) {
  const InsideRuntime inside;
  if (!InsideRuntime::is_refused()) [[likely]] body();
}

}  // namespace rlx
