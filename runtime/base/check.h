// SPDX-License-Identifier: Apache-2.0
// RLX_CHECK is for our own bugs. It throws InternalError, the only exception of ours; guard() at every public call turns
// it into an Error. Nothing that input can reach may fail a check.
#pragma once

#include <new>
#include <stdexcept>
#include <string>
#include <utility>

#include "runtime/base/result.h"

namespace rlx {

/// A broken invariant inside the runtime.
class InternalError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

[[noreturn]] void check_failed(const char* condition, const char* file, int line, const std::string& message);

/// Runs `body` (which returns a Result) and turns what it throws into kInternal or kOutOfMemory.
template <class Body>
auto guard(Body&& body) -> decltype(body()) {
  try {
    return std::forward<Body>(body)();
  } catch (const std::bad_alloc&) {
    return Error(ErrorCode::kOutOfMemory, "the host is out of memory");
  } catch (const std::exception& exception) {
    return Error(ErrorCode::kInternal, exception.what());
  } catch (...) {
    return Error(ErrorCode::kInternal, "an exception of unknown type");
  }
}

}  // namespace rlx

#define RLX_CHECK(condition, ...)                                                                   \
  do {                                                                                              \
    if (!(condition)) [[unlikely]]                                                                  \
      ::rlx::check_failed(#condition, __FILE_NAME__, __LINE__, ::rlx::join(__VA_ARGS__));           \
  } while (false)
