// SPDX-License-Identifier: Apache-2.0
// Texts of the error codes, and the end of a failed check.
#include "runtime/base/result.h"

#include <cstdio>

#include "runtime/base/check.h"

namespace rlx {

std::string code_text(ErrorCode code) {
  char text[16];
  std::snprintf(text, sizeof text, "RLX-E%04d", static_cast<int>(code));
  return text;
}

std::string_view code_title(ErrorCode code) {
  switch (code) {
#define RLX_ERROR_CODE(name, number, title, advice) \
  case ErrorCode::name:                             \
    return title;
#include <rlx/host/error_codes.inc>
#undef RLX_ERROR_CODE
  }
  return {};
}

std::string_view code_advice(ErrorCode code) {
  switch (code) {
#define RLX_ERROR_CODE(name, number, title, advice) \
  case ErrorCode::name:                             \
    return advice;
#include <rlx/host/error_codes.inc>
#undef RLX_ERROR_CODE
  }
  return {};
}

void check_failed(const char* condition, const char* file, int line, const std::string& message) {
  throw InternalError(join("check failed: ", condition, " (", file, ":", line, ") ", message));
}

}  // namespace rlx
