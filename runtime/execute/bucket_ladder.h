// SPDX-License-Identifier: Apache-2.0
// Ladders of several symbols: which bucket holds a shape.
#pragma once

#include <rlx/host/buckets.hpp>

#include <string>
#include <vector>

#include "runtime/base/result.h"

namespace rlx {

/// Checked ladders. Immutable.
class Ladders {
 public:
  /// Errors: kInvalidArgument, kDuplicateName, kUnknownSymbol, kSymbolOutOfRange.
  static Result<Ladders> make(std::vector<Ladder> ladders, const BindingManifest& manifest);

  std::vector<std::string> symbols() const;
  /// `shape` with the least extent that holds each symbol that has a ladder. Errors: kSymbolOutOfRange past a top.
  Result<Binding> smallest(const Binding& shape) const;
  /// Every bucket that holds `shape`, those with the fewest elements first.
  std::vector<Binding> holding(const Binding& shape) const;
  /// Every bucket, with `rest` for the other symbols.
  std::vector<Binding> all(const Binding& rest) const;
  /// Every extent of every ladder, each alone.
  std::vector<Binding> extents() const;
  /// "batch=4 seq=64": the symbols with a ladder.
  std::string text(const Binding& bucket) const;

 private:
  std::vector<Ladder> ladders_;  // by symbol
};

}  // namespace rlx
