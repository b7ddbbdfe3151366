// SPDX-License-Identifier: Apache-2.0
// Turns what plugins report into Errors.
#include "runtime/plugin/call.h"

#include <algorithm>

namespace rlx {
namespace {

ErrorCode code_of(std::int32_t status) {
  switch (status) {
    case RLX_STATUS_UNSUPPORTED:
      return ErrorCode::kUnsupportedOps;
    case RLX_STATUS_VERSION:
      return ErrorCode::kPluginVersion;
    case RLX_STATUS_OUT_OF_MEMORY:
    case RLX_STATUS_RESOURCE_EXHAUSTED:
      return ErrorCode::kOutOfMemory;
    case RLX_STATUS_CANCELLED:
      return ErrorCode::kCancelled;
    case RLX_STATUS_DEADLINE:
      return ErrorCode::kDeadline;
    case RLX_STATUS_DATA_ERROR:
      return ErrorCode::kDataError;
    default:
      return ErrorCode::kBackendError;
  }
}

std::string_view status_name(std::int32_t status) {
  constexpr std::string_view names[] = {
      "ok",        "invalid argument", "failed precondition", "not found",     "unsupported",
      "version",   "unknown field",    "invalid image",       "out of memory", "resource exhausted",
      "cancelled", "deadline",         "device lost",         "data error",    "input or output failed",
      "internal"};
  static_assert(std::size(names) == RLX_STATUS_INTERNAL + 1);
  return names[status];
}

/// The plugin's words, up to their end or the record's, without control characters.
std::string words_of(const rlx_error& record) {
  const char* const end = std::find(std::begin(record.message), std::end(record.message), '\0');
  std::string words(std::begin(record.message), end);
  std::replace_if(
      words.begin(), words.end(),
      [](unsigned char c) { return (c < 0x20 && c != '\n' && c != '\t') || c == 0x7F; }, ' ');
  return words.empty() ? "the plugin gives no reason" : words;
}

}  // namespace

Error error_of(std::string_view plugin_id, const char* call, std::int32_t status, const rlx_error& record) {
  if (status < 0 || status > RLX_STATUS_INTERNAL)
    return fail(ErrorCode::kPluginFault, plugin_id, ": ", call, " returned ", status, ", which is no status");
  std::string words = join(words_of(record));
  if (const std::string said = join(call, ": "); words.starts_with(said)) words.erase(0, said.size());  // many plugins name the call themselves
  std::string text = join(plugin_id, ": ", call, ": ", words, " (", status_name(status));
  if (record.op_index != RLX_NO_INDEX) text += join(", op ", record.op_index);
  if (record.native_code) text += join(", native code ", record.native_code);
  return Error(code_of(status), text + ")");
}

Error error_of_exception(std::string_view plugin_id, const char* call, const std::exception* exception) {
  return fail(ErrorCode::kPluginFault, plugin_id, ": ", call,
              " threw an exception across the border: ", exception ? exception->what() : "of unknown type");
}

Status fit_to_minor(std::string_view plugin_id, const char* call, void* in, std::span<const rlx_field> fields,
                    std::uint32_t minor) {
  std::uint64_t offset = 0;
  if (rlx_clip_in(in, fields.data(), static_cast<std::uint32_t>(fields.size()), minor, &offset) ==
      RLX_STATUS_OK)
    return {};
  return fail(ErrorCode::kBackendError, plugin_id, ": ", call, " was not made: the field at byte ", offset,
              " needs a newer plugin; this one speaks ABI minor ", minor);
}

}  // namespace rlx
