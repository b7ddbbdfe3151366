// SPDX-License-Identifier: Apache-2.0
// ParamSet: the weights of one template on one device, and sets derived from it (adapters) that replace some of them and
// share the rest.
#pragma once

#include <rlx/host/result.hpp>
#include <rlx/host/tensor.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rlx {

class ParamStore;

/// What the weights of a set cost, as the backend counts them.
struct ParamBytes {
  std::uint64_t source_bytes = 0;  ///< weights as given (mapped or copied), those shared with other sets included
  std::uint64_t packed_bytes = 0;  ///< packed forms that this set alone holds
  std::uint64_t shared_bytes = 0;  ///< sources and packs that it shares with other sets
  std::uint32_t pack_count = 0;    ///< packed forms that an executable uses now
};

/// Weights by name. Cheap to copy: copies are the same set. Usable from any thread, also while runs use it: changes are
/// staged, swapped whole at the next run, and a run keeps the weights with which it began.
class RLX_API ParamSet {
 public:
  ParamSet() = default;
  explicit ParamSet(std::shared_ptr<ParamStore> store) : store_(std::move(store)) {}
  explicit operator bool() const { return store_ != nullptr; }

  /// Stages one tensor. The view's bytes are copied unless `keepalive` says who holds them.
  /// Errors: kUnknownName (nearest first), kWrongDtype, kWrongShape, kWrongSize, kInvalidArgument for an empty set.
  Status set(std::string_view name, const TensorView& value, std::shared_ptr<const void> keepalive = nullptr);
  /// Stages several at once: no run sees some of them without the others. All or none.
  /// Errors: those of set; kDuplicateName.
  Status set_all(std::span<const ParamSource> values);
  /// The same, and the list must be complete. Errors: those of set_all, with every extra name listed; kUnsetParam with
  /// every missing name listed.
  Status replace_all(std::span<const ParamSource> values);

  /// A set that follows this one except for what is set in it. Sources and packed forms of the rest are shared. Several
  /// may run at once on one executable. Lifetime: keeps this one.
  Result<ParamSet> derive() const;
  /// Names without weights, here and in what the set was derived from.
  std::vector<std::string> unset() const;
  /// Of what the last run used; zero before the first. Errors in the backend count as zero.
  ParamBytes bytes() const;

  const std::shared_ptr<ParamStore>& store() const { return store_; }

 private:
  std::shared_ptr<ParamStore> store_;
};

}  // namespace rlx
