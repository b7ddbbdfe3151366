// SPDX-License-Identifier: Apache-2.0
// What the wrappers' methods share: the calling pattern, rows read by their stride, texts that may lack an
// end. Private to the room.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "runtime/plugin/call.h"
#include "runtime/plugin/handles.h"

namespace rlx {

template <class... Pieces>
Error plugin_fault(const Plugin& plugin, const char* call, const Pieces&... pieces) {
  return fail(ErrorCode::kPluginFault, plugin.id(), ": ", call, ": ", pieces...);
}

/// A slot with an in-struct and no out-struct.
template <class In, class Body>
Status call_in(const Plugin& plugin, const char* call, In& in, Body&& body) {
  RLX_TRY(fit_to_minor(plugin.id(), call, in, plugin.abi_minor));
  return call_plugin(plugin.id(), call, body);
}

/// A slot with an out-struct and no in-struct.
template <class Out, class Body>
Status call_out(const Plugin& plugin, const char* call, Out& out, Body&& body) {
  RLX_TRY(call_plugin(plugin.id(), call, body));
  if (out.struct_size > sizeof out)
    return plugin_fault(plugin, call, "it wrote ", out.struct_size, " bytes to a struct of ", sizeof out);
  return {};
}

/// A slot with both.
template <class In, class Out, class Body>
Status call_in_out(const Plugin& plugin, const char* call, In& in, Out& out, Body&& body) {
  RLX_TRY(fit_to_minor(plugin.id(), call, in, plugin.abi_minor));
  return call_out(plugin, call, out, body);
}

/// Errors: kPluginFault where a call succeeded and made nothing.
inline Status check_made(const Plugin& plugin, const char* call, const void* handle) {
  if (handle) return {};
  return plugin_fault(plugin, call, "it returned ok and no handle");
}

template <class T>
std::shared_ptr<const detail::Owned<T>> own(std::shared_ptr<const Plugin> plugin,
                                            std::shared_ptr<const void> parent, T* handle,
                                            void (*destroy)(T*)) {
  return std::make_shared<const detail::Owned<T>>(std::move(plugin), std::move(parent), handle, destroy);
}

/// Options as the ABI wants them. Lifetime: of the options.
class OptionRows {
 public:
  explicit OptionRows(const PluginOptions& options) {
    for (const auto& [key, value] : options) rows_.push_back({as_str(key), as_str(value)});
  }
  const rlx_option* data() const { return rows_.empty() ? nullptr : rows_.data(); }
  std::uint32_t count() const { return static_cast<std::uint32_t>(rows_.size()); }

 private:
  std::vector<rlx_option> rows_;
};

template <std::size_t N>
std::string bounded_text(const char (&text)[N]) {
  return std::string(text, std::find(text, text + N, '\0'));
}

inline std::string text_of(rlx_str text) {
  return text.data ? std::string(text.data, text.size) : std::string();
}

/// Copies rows of a plugin, which may be longer than ours.
/// Errors: kPluginFault: null with a count, a stride below the row's first published size.
template <class Row>
Result<std::vector<Row>> read_rows(const Plugin& plugin, const char* call, const Row* rows,
                                   std::uint32_t count, std::uint32_t stride) {
  std::vector<Row> copies;
  if (count == 0) return copies;
  if (!rows) return plugin_fault(plugin, call, "it returned ", count, " rows at null");
  if (stride < sizeof(Row))
    return plugin_fault(plugin, call, "its rows have ", stride, " bytes, wanted at least ", sizeof(Row));
  if (count > 1u << 20)
    return plugin_fault(plugin, call, "it returned ", count, " rows, at most ", 1u << 20, " are read");
  copies.resize(count);
  for (std::uint32_t i = 0; i < count; ++i)
    std::memcpy(&copies[i], reinterpret_cast<const char*>(rows) + std::size_t{i} * stride, sizeof(Row));
  return copies;
}

}  // namespace rlx
