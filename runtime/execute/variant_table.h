// SPDX-License-Identifier: Apache-2.0
// From (template, sizes) to the number of a variant: open-addressed, one cache line a key, so that a look-up mostly reads
// one line however many variants there are.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "runtime/execute/template_body.h"

namespace rlx {

/// A template and the sizes of its symbols, in the symbols' order. Borrowed.
struct VariantProbe {
  VariantProbe(const std::shared_ptr<TemplateBody>& asked, std::span<const std::int64_t> in_order);
  const std::shared_ptr<TemplateBody>& from;
  std::span<const std::int64_t> sizes;
  std::uint64_t hash;  ///< of both; holds while the template lives
};

/// Not thread-safe. Lifetime: what a key that was inserted refers to must live until it is erased.
class VariantTable {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  /// The number of the key, kNone where it is not there.
  std::uint32_t find(const VariantProbe& key) const;
  /// `key` must not be there; template and sizes are borrowed.
  void insert(const VariantProbe& key, std::uint32_t number);
  void erase(const VariantProbe& key);
  std::size_t size() const { return size_; }

 private:
  static constexpr std::size_t kInline = 4;
  struct alignas(64) Entry {
    std::uint64_t hash = 0;
    const TemplateBody* from = nullptr;     ///< null where the entry is free
    const std::int64_t* all_sizes = nullptr;
    std::uint32_t number = kNone;
    std::uint32_t size_count = 0;
    std::array<std::int64_t, kInline> sizes = {};  ///< the first of them
    bool is(const VariantProbe& key) const;
  };
  std::size_t at(std::uint64_t hash) const { return hash & (entries_.size() - 1); }
  std::size_t next(std::size_t index) const { return (index + 1) & (entries_.size() - 1); }
  void grow();
  void put(const Entry& entry);

  std::vector<Entry> entries_;  ///< none or a power of two; half of them free at least
  std::size_t size_ = 0;
};

}  // namespace rlx
