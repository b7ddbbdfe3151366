// SPDX-License-Identifier: Apache-2.0
// The objects behind rlx.params/1: sources put by the host, packs made from them, and the sets that share
// both.
#pragma once

#include <rlx/ext/draft/packs.h>
#include <rlx/params.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace rlx_cpu {

/// One put entry. Shared by a set and those made with it as base; `drop` runs when the last of them lets go.
struct Source {
  uint64_t id = 0;  // never reused in a process
  rlx_hash128 hash{};  // of the bytes, by the host; zero = none
  uint32_t dtype = 0;
  uint32_t rank = 0;
  int64_t dims[RLX_MAX_RANK] = {};
  uint64_t bytes = 0;
  const void* data = nullptr;
  void* copy = nullptr;  // owned, where the host's bytes were not aligned to their element
  void (*drop)(void* user) = nullptr;
  void* drop_user = nullptr;

  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  ~Source();
};

/// One weight of a pack: element (k, n) at byte offset + strides of a param.
struct PackPartRecipe {
  uint32_t param = 0;  // index in the executable's param table
  uint64_t byte_offset = 0;
  int64_t stride_k = 0;
  int64_t stride_n = 0;
  int64_t n = 0;
  float alpha = 1;
};

/// How an executable wants weights packed: panels of parts one after the other.
struct PackRecipe {
  int64_t k = 0;
  std::vector<PackPartRecipe> parts;
};

/// Words that say which bytes a pack has: the layout, and of every source its content hash, or its id where it has none.
struct PackKey {
  bool content = true;  // every source has a hash
  std::vector<uint64_t> words;
  auto operator<=>(const PackKey&) const = default;
};

/// Packs that the host has mapped. `drop` runs when the last pack and set that use them go.
struct Offer {
  std::vector<rlx_pack> rows;
  void (*drop)(void* user) = nullptr;
  void* drop_user = nullptr;

  Offer() = default;
  Offer(const Offer&) = delete;
  Offer& operator=(const Offer&) = delete;
  ~Offer();
};

/// Packed panels. Made once by the first thread that needs them.
struct Pack {
  const float* panels = nullptr;
  float* own = nullptr;               // what is freed; null where the panels are the host's
  std::shared_ptr<const Offer> lent;  // where the panels are the host's
  rlx_hash128 key{};                  // for other processes; zero = none
  uint64_t bytes = 0;
  bool ready = false;  // under `making`
  std::mutex making;
  std::shared_ptr<std::atomic<uint64_t>> total;  // of the store, which may be gone before

  Pack() = default;
  Pack(const Pack&) = delete;
  Pack& operator=(const Pack&) = delete;
  ~Pack();
};

/// All packs of a device, so that sets with common sources have common packs.
struct PackStore {
  std::mutex mutex;
  std::map<PackKey, std::weak_ptr<Pack>> packs;
  std::shared_ptr<std::atomic<uint64_t>> total = std::make_shared<std::atomic<uint64_t>>(0);
  uint64_t bytes() const { return total->load(std::memory_order_relaxed); }
};

/// Sources of known content of a device: what is put twice is held once.
struct SourceStore {
  std::mutex mutex;
  std::map<std::pair<uint64_t, uint64_t>, std::weak_ptr<Source>> sources;
};

/// What one executable reads of one set: addresses by the executable's own indices.
struct Prepared {
  std::weak_ptr<const int> executable;  // alive while the executable is
  std::vector<const void*> params;
  std::vector<const float*> packs;
  std::vector<std::shared_ptr<Pack>> held;
};

}  // namespace rlx_cpu

struct rlx_param_set {
  rlx_device* device = nullptr;
  uint64_t id = 0;  // never reused in a process
  std::atomic<bool> sealed{false};
  std::atomic<uint64_t> generation{1};  // changes when `prepared` does
  std::vector<std::shared_ptr<rlx_cpu::Source>> entries;
  std::vector<std::shared_ptr<const rlx_cpu::Offer>> offers;
  std::vector<bool> replaced;                                                 // put into this very set
  std::mutex mutex;                                                           // guards `prepared`
  std::unordered_map<uint64_t, std::unique_ptr<rlx_cpu::Prepared>> prepared;  // by executable id
};

namespace rlx_cpu {

/// A number that no other call in this process gets.
uint64_t unique_id();

extern const rlx_params_1 kParamsTable;

}  // namespace rlx_cpu
