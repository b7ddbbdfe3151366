// SPDX-License-Identifier: Apache-2.0
// The runtime's own half of Result: making errors from pieces of text, and handing them up. The types themselves are
// public (rlx/host/result.hpp).
#pragma once

#include <rlx/host/result.hpp>

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace rlx {

/// Makes an Error from pieces of text and numbers: fail(ErrorCode::kWrongShape, "input `", name, "` has …").
template <class... Pieces>
Error fail(ErrorCode code, const Pieces&... pieces);

namespace detail {
inline void append(std::string& out, std::string_view text) { out += text; }
inline void append(std::string& out, const char* text) { out += text; }
inline void append(std::string& out, char c) { out += c; }
template <class N>
  requires(std::is_arithmetic_v<N>)
void append(std::string& out, N number) {
  out += std::to_string(number);
}
}  // namespace detail

/// Joins pieces of text and numbers.
template <class... Pieces>
std::string join(const Pieces&... pieces) {
  std::string out;
  (detail::append(out, pieces), ...);
  return out;
}

template <class... Pieces>
Error fail(ErrorCode code, const Pieces&... pieces) {
  return Error(code, join(pieces...));
}

}  // namespace rlx

#define RLX_CONCAT_(a, b) a##b
#define RLX_CONCAT(a, b) RLX_CONCAT_(a, b)
/// Returns the error of `expression` to the caller, if there is one.
#define RLX_TRY(expression)                                             \
  do {                                                                  \
    if (auto rlx_try_result = (expression); !rlx_try_result)            \
      return std::move(rlx_try_result).error();                         \
  } while (false)
/// Declares `declaration` with the value of `expression`, or returns its error to the caller.
#define RLX_ASSIGN(declaration, expression) \
  RLX_ASSIGN_(RLX_CONCAT(rlx_assign_, __LINE__), declaration, expression)
#define RLX_ASSIGN_(result, declaration, expression)      \
  auto result = (expression);                             \
  if (!result) return std::move(result).error();          \
  declaration = *std::move(result)
