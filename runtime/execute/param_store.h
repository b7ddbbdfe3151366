// SPDX-License-Identifier: Apache-2.0
// The weights of one template on one device: sources by entry, and the sealed set that runs use. Changes are staged and
// swapped whole at the next run; a run keeps the set it started with; what was not changed is shared with the old set.
#pragma once

#include <rlx/host/tensor.hpp>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/execute/device_body.h"
#include "runtime/ir/graph.h"

namespace rlx {

/// A sealed set and its number in the order of swaps. Immutable.
struct SealedSet {
  ParamSetHandle handle;
  std::uint64_t generation = 0;
};

/// Thread-safe.
class ParamStore {
 public:
  /// Entries are those of `graph.params`; owned ones are set from the graph. Lifetime: keeps graph and device.
  ParamStore(std::shared_ptr<const Graph> graph, std::shared_ptr<const DeviceBody> device);

  /// Stages one entry. Bytes are copied unless `keepalive` holds them.
  /// Errors: kUnknownName, kWrongDtype, kWrongShape, kWrongSize.
  Status stage(std::string_view name, const TensorView& value, std::shared_ptr<const void> keepalive);

  /// The set for a run: what is staged is put into a new set first. Errors: kUnsetParam listing every unset name.
  Result<std::shared_ptr<const SealedSet>> acquire();

  std::vector<std::string> unset() const;
  /// Of the current set; zero before the first run.
  ParamUsage usage() const;

 private:
  struct Entry {
    TensorView view;
    std::shared_ptr<const void> keepalive;
    bool set = false;
    bool staged = false;
  };
  Status put(ParamSetHandle& set, std::uint32_t index, const Entry& entry) const;
  std::vector<std::string> unset_locked() const;

  std::shared_ptr<const Graph> graph_;
  std::shared_ptr<const DeviceBody> device_;
  mutable std::mutex mutex_;
  std::vector<Entry> entries_;
  bool dirty_ = true;
  std::shared_ptr<const SealedSet> current_;
};

}  // namespace rlx
