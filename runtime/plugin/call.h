// SPDX-License-Identifier: Apache-2.0
// How every slot of a plugin is called: structs sized and fitted to the common ABI minor, a zeroed error
// record, and whatever comes back (statuses that are none, exceptions, texts without an end) turned into an
// Error.
#pragma once

#include <rlx/plugin.h>

#include <cstdint>
#include <exception>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/base/result.h"

namespace rlx {

/// Lifetime: of the text.
inline rlx_str as_str(std::string_view text) { return {text.data(), text.size()}; }

/// The fields of an in-struct that came after its first version; specialise it when a struct grows.
template <class In>
struct AddedFields {
  static std::span<const rlx_field> rows() { return {}; }
};

/// A zeroed struct with its size in place.
template <class T>
T sized() {
  T value{};
  value.struct_size = sizeof value;
  return value;
}

/// Fits an in-struct to what the plugin of that minor knows: later hints are dropped.
/// Errors: kBackendError where a later field is set that the plugin must not miss.
Status fit_to_minor(std::string_view plugin_id, const char* call, void* in, std::span<const rlx_field> fields,
                    std::uint32_t minor);

template <class In>
Status fit_to_minor(std::string_view plugin_id, const char* call, In& in, std::uint32_t minor) {
  const auto fields = AddedFields<In>::rows();
  if (fields.empty()) return {};
  return fit_to_minor(plugin_id, call, &in, fields, minor);
}

/// The Error of a failed call: plugin id, call, the plugin's own words, the op or detail that it names.
Error error_of(std::string_view plugin_id, const char* call, std::int32_t status, const rlx_error& record);
/// The Error of a call that threw `exception` (null: of unknown type).
Error error_of_exception(std::string_view plugin_id, const char* call, const std::exception* exception);

/// Runs one slot. `body` gets the error record and returns the slot's status.
/// Errors: by status: kUnsupportedOps, kOutOfMemory, kCancelled, kDeadline, kDataError, kPluginVersion, else
/// kBackendError; kPluginFault for a status that is none and for an exception.
template <class Body>
Status call_plugin(std::string_view plugin_id, const char* call, Body&& body) {
  rlx_error record{};
  record.struct_size = sizeof record;
  record.op_index = RLX_NO_INDEX;
  try {
    const std::int32_t status = std::forward<Body>(body)(&record);
    if (status == RLX_STATUS_OK) [[likely]]
      return {};
    return error_of(plugin_id, call, status, record);
  } catch (const std::exception& exception) {
    return error_of_exception(plugin_id, call, &exception);
  } catch (...) {
    return error_of_exception(plugin_id, call, nullptr);
  }
}

}  // namespace rlx
