// SPDX-License-Identifier: Apache-2.0
// The tensors of a run as plain numbers: names are resolved to positions here, everything below is by position.
#pragma once

#include <rlx/execute.h>
#include <rlx/host/pipeline.hpp>

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "runtime/base/result.h"

namespace rlx {

/// One tensor of a run. Lifetime: `name` is of the manifest that it was made from.
struct Port {
  std::string_view name;
  std::uint32_t dtype = 0;
  std::vector<std::int64_t> dims;
  std::uint64_t bytes = 0;

  /// Memory that has this port's dims. Lifetime: dims are the port's.
  void set(rlx_view& view, const void* memory) const {
    view.host = const_cast<void*>(memory);
    view.bytes = bytes;
    view.dtype = dtype;
    view.rank = static_cast<std::uint32_t>(dims.size());
    view.dims = dims.data();
  }
};

std::vector<Port> ports(const std::vector<ManifestEntry>& entries);

template <class Named>
const Named* find_named(std::span<const Named> tensors, std::string_view name) {
  for (const Named& tensor : tensors)
    if (tensor.name == name) return &tensor;
  return nullptr;
}

template <class View>
bool fits(const Port& port, const View& view) {
  return static_cast<std::uint32_t>(view.dtype) == port.dtype && view.bytes == port.bytes && (view.data || !port.bytes) &&
         view.dims.size() == port.dims.size() && std::equal(view.dims.begin(), view.dims.end(), port.dims.begin());
}

/// Fills one view per port; tensors in the ports' order are found at once. False where anything is not as wanted: as many
/// tensors as ports and each port found means that none is unknown and none is there twice.
template <class Named>
bool resolve(const std::vector<Port>& ports, std::span<const Named> given, rlx_view* views) {
  if (given.size() != ports.size()) return false;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    const Port& port = ports[i];
    const Named* tensor = given[i].name == port.name ? &given[i] : find_named(given, port.name);
    if (!tensor || !fits(port, tensor->view)) return false;
    port.set(views[i], tensor->view.data);
  }
  return true;
}

/// What is wrong with tensors that resolve() did not take. `what`: "input", "output".
Error explain(std::string_view what, std::span<const NamedView> given, const std::vector<ManifestEntry>& wanted);
Error explain(std::string_view what, std::span<const NamedMutableView> given, const std::vector<ManifestEntry>& wanted);

}  // namespace rlx
