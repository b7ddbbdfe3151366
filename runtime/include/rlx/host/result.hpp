// SPDX-License-Identifier: Apache-2.0
// How everything fallible answers: Result<T> is a value or an Error. An Error has a stable code, a sentence that names
// the thing, the value seen and the value wanted, and the clauses that the layers on its way added.
#pragma once

#include <rlx/host/export.hpp>

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace rlx {

/// Stable error codes; the numbers are those of error_codes.inc beside this file.
enum class ErrorCode : int {
#define RLX_ERROR_CODE(name, number, title, advice) name = number,
#include <rlx/host/error_codes.inc>
#undef RLX_ERROR_CODE
};

/// "RLX-E0217" for code 217.
RLX_API std::string code_text(ErrorCode code);
/// One line that says what the code means; empty for a number that is no code.
RLX_API std::string_view code_title(ErrorCode code);
/// What to do about it; empty for a number that is no code.
RLX_API std::string_view code_advice(ErrorCode code);

/// What went wrong. Cheap to move; never null.
class [[nodiscard]] Error {
 public:
  Error(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}

  ErrorCode code() const { return code_; }
  const std::string& message() const { return message_; }
  /// "RLX-E0217: message".
  std::string to_string() const { return code_text(code_) + ": " + message_; }
  /// Puts one clause before the message: "while compiling x: message".
  Error&& within(std::string_view clause) && {
    message_ = std::string(clause) + ": " + message_;
    return std::move(*this);
  }

 private:
  ErrorCode code_;
  std::string message_;
};

/// A value or an Error. Must not be dropped.
template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using Base = tl::expected<T, Error>;
  using Base::Base;
  Result(Error error) : Base(tl::unexpect, std::move(error)) {}  // NOLINT: errors convert on return
  Result() = default;
};

using Status = Result<void>;

}  // namespace rlx
