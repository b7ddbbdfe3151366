// SPDX-License-Identifier: Apache-2.0
// Linear probing; erasing moves what follows back, so that no marks are left behind.
#include "runtime/execute/variant_table.h"

#include <algorithm>

#include "runtime/base/check.h"

namespace rlx {
namespace {

constexpr std::size_t kLeastEntries = 16;

std::uint64_t mixed(std::uint64_t hash, std::uint64_t word) {
  hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
  return hash ^ (hash >> 32);
}

}  // namespace

VariantProbe::VariantProbe(const std::shared_ptr<TemplateBody>& asked, std::span<const std::int64_t> in_order)
    : from(asked), sizes(in_order), hash(mixed(0, reinterpret_cast<std::uintptr_t>(asked.get()))) {
  for (const std::int64_t size : sizes) hash = mixed(hash, static_cast<std::uint64_t>(size));
}

bool VariantTable::Entry::is(const VariantProbe& key) const {
  if (hash != key.hash || from != key.from.get() || size_count != key.sizes.size()) return false;
  const std::int64_t* const own = size_count <= kInline ? sizes.data() : all_sizes;
  for (std::size_t i = 0; i < size_count; ++i)
    if (own[i] != key.sizes[i]) return false;
  return true;
}

std::uint32_t VariantTable::find(const VariantProbe& key) const {
  if (entries_.empty()) return kNone;
  for (std::size_t i = at(key.hash); entries_[i].from; i = next(i))
    if (entries_[i].is(key)) return entries_[i].number;
  return kNone;
}

void VariantTable::put(const Entry& entry) {
  std::size_t i = at(entry.hash);
  while (entries_[i].from) i = next(i);
  entries_[i] = entry;
}

void VariantTable::grow() {
  std::vector<Entry> old(std::max(kLeastEntries, 2 * entries_.size()));
  old.swap(entries_);
  for (const Entry& entry : old)
    if (entry.from) put(entry);
}

void VariantTable::insert(const VariantProbe& key, std::uint32_t number) {
  if (2 * (size_ + 1) > entries_.size()) grow();
  Entry entry{key.hash, key.from.get(), key.sizes.data(), number, static_cast<std::uint32_t>(key.sizes.size()), {}};
  std::copy_n(key.sizes.begin(), std::min(kInline, key.sizes.size()), entry.sizes.begin());
  put(entry);
  ++size_;
}

void VariantTable::erase(const VariantProbe& key) {
  RLX_CHECK(!entries_.empty(), "a key that was inserted");
  std::size_t hole = at(key.hash);
  for (; !entries_[hole].is(key); hole = next(hole)) RLX_CHECK(entries_[hole].from, "a key that was inserted");
  for (std::size_t i = next(hole); entries_[i].from; i = next(i)) {
    const std::size_t home = at(entries_[i].hash);
    const bool reaches = ((i - home) & (entries_.size() - 1)) >= ((i - hole) & (entries_.size() - 1));
    if (!reaches) continue;
    entries_[hole] = entries_[i];
    hole = i;
  }
  entries_[hole] = {};
  --size_;
}

}  // namespace rlx
