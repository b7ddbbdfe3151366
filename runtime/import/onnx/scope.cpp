// SPDX-License-Identifier: Apache-2.0
// How a value becomes a handle: a constant, a param, or sizes put together at run time.
#include "runtime/import/onnx/scope.h"

namespace rlx::onnx_import {
namespace {

constexpr std::size_t kFoldedFloatsMax = 16;     // of a Constant node
constexpr std::size_t kConstantBytesMax = 4096;  // of a Constant node; above, it is a weight

}  // namespace

const std::string& Scope::root(const std::string& name) const {
  const auto alias = aliases_.find(name);
  return alias == aliases_.end() ? name : alias->second;
}

void Scope::define(const std::string& name, TensorData data, bool from_node) {
  Value& value = values_[name];
  const bool scalar = data.view.dims.empty();
  const bool folds = is_whole(data.view.dtype) || scalar || (from_node && data.elements <= kFoldedFloatsMax);
  if (folds) value.known = known_from(data);
  value.constant = scalar || (from_node && data.view.bytes <= kConstantBytesMax);
  value.data = std::move(data);
}

const Known* Scope::known(const std::string& name) const {
  const auto value = values_.find(name);
  return value != values_.end() && value->second.known ? &*value->second.known : nullptr;
}

const Known* Scope::readable(const std::string& name) {
  if (const Known* plain = known(name)) return plain;
  const auto value = values_.find(name);
  if (value == values_.end() || !value->second.data) return nullptr;
  if (const auto read = read_.find(name); read != read_.end()) return &read->second;
  auto decoded = known_from(*value->second.data);
  return decoded ? &read_.emplace(name, std::move(*decoded)).first->second : nullptr;
}

Handle Scope::handle(const std::string& name) {
  const std::string& origin = root(name);
  Value& value = values_[origin];
  if (!value.handle) value.handle = made(origin, value);
  return *value.handle;
}

Handle Scope::made(const std::string& name, const Value& value) {
  if (value.known) return built(*value.known);
  if (!value.data) return {};
  const TensorData& data = *value.data;
  if (value.constant) return builder_.constant(data.view);
  weights_.push_back({name, data.view, data.keepalive});
  return builder_.param(name, data.view.dtype, data.view.dims);
}

/// Numbers are a constant; expressions become sizes, joined and shaped.
Handle Scope::built(const Known& known) {
  if (known.plain()) {
    const std::vector<std::byte> bytes = bytes_of(known);
    return builder_.constant({known.dtype, known.dims, bytes.data(), bytes.size()});
  }
  std::vector<Handle> parts;
  for (const Element& element : known.elements) {
    const Handle size = builder_.size_of(element.to_size());
    parts.push_back(known.dims.empty() ? size : builder_.reshape(size, {1}));
  }
  Handle whole = parts.size() == 1 ? parts[0] : builder_.concat(parts, 0);
  if (known.dims.size() != (known.dims.empty() ? 0u : 1u))
    whole = builder_.reshape(whole, Sizes(known.dims.begin(), known.dims.end()));
  return known.dtype == DType::kI64 ? whole : builder_.cast(whole, known.dtype);
}

DType Scope::dtype(const std::string& name) const {
  const auto found = values_.find(root(name));
  if (found == values_.end()) return DType::kNone;
  const Value& value = found->second;
  return value.known    ? value.known->dtype
         : value.data   ? value.data->view.dtype
         : value.handle ? builder_.dtype(*value.handle)
                        : DType::kNone;
}

Sizes Scope::dims(const std::string& name) const {
  const auto found = values_.find(root(name));
  if (found == values_.end()) return {};
  const Value& value = found->second;
  if (value.known) return Sizes(value.known->dims.begin(), value.known->dims.end());
  if (value.data) return Sizes(value.data->view.dims.begin(), value.data->view.dims.end());
  return value.handle ? builder_.dims(*value.handle) : Sizes{};
}

}  // namespace rlx::onnx_import
