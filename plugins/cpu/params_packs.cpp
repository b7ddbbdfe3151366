// SPDX-License-Identifier: Apache-2.0
// Listing what prepare packed, and taking packs that the host has mapped.
#include "params_packs.h"

#include <algorithm>
#include <cstring>

#include "compile_executable.h"
#include "device.h"
#include "entry_guard.h"
#include "kernels/kernel_table.h"

namespace rlx_cpu {

Offer::~Offer() {
  if (drop != nullptr) drop(drop_user);
}

rlx_hash128 public_key(const PackKey& key) {
  if (!key.content) return {0, 0};
  // Raised when pack_b writes other bytes for the same weights.
  constexpr uint64_t kLayout = 1;
  const uint64_t head[] = {kLayout, static_cast<uint64_t>(kernels().isa), kPanelColumns, key.words.size()};
  const rlx_hash128 seed = quick_hash(head, sizeof head);
  const rlx_hash128 hash = quick_hash(key.words.data(), key.words.size() * sizeof(uint64_t), seed);
  return hash.low == 0 && hash.high == 0 ? rlx_hash128{1, 0} : hash;
}

std::shared_ptr<const Offer> find_offer(const rlx_param_set* set, const rlx_hash128& key, uint64_t bytes, const float** panels) {
  if (key.low == 0 && key.high == 0) return nullptr;
  for (const auto& offer : set->offers) {
    for (const rlx_pack& row : offer->rows) {
      if (row.key.low != key.low || row.key.high != key.high || row.bytes != bytes) continue;
      if (row.data == nullptr || reinterpret_cast<uintptr_t>(row.data) % 64 != 0) continue;
      *panels = static_cast<const float*>(row.data);
      return offer;
    }
  }
  return nullptr;
}

namespace {

int32_t check_stride(uint32_t stride, uint32_t count, const void* rows, const char* what, rlx_error* error) {
  if (count == 0) return RLX_STATUS_OK;
  if (rows == nullptr) return null_argument(error, what);
  if (stride >= sizeof(rlx_pack) && stride % 8 == 0) return RLX_STATUS_OK;
  return fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, stride, "%s: the stride is %u, wanted %zu or more in steps of 8", what, stride,
              sizeof(rlx_pack));
}

/// Each pack of the executable once, in the order of first use.
std::vector<const Pack*> packs_of(const Prepared& prepared) {
  std::vector<const Pack*> packs;
  for (const auto& pack : prepared.held)
    if (std::find(packs.begin(), packs.end(), pack.get()) == packs.end()) packs.push_back(pack.get());
  return packs;
}

int32_t packs_list(rlx_param_set* set, const rlx_packs_list_in* in, rlx_packs_list_out* out, rlx_error* error) {
  return guarded(error, [&]() -> int32_t {
    if (set == nullptr) return null_argument(error, "packs list: set");
    rlx_packs_list_in own;
    if (int32_t status = read_in(own, in, "packs list", error)) return status;
    if (int32_t status = check_out(out, sizeof(rlx_packs_list_out), "packs list", error)) return status;
    if (own.executable == nullptr) return null_argument(error, "packs list: executable");
    if (int32_t status = check_stride(own.stride, own.capacity, own.rows, "packs list: rows", error)) return status;
    std::lock_guard lock(set->mutex);
    const auto found = set->prepared.find(own.executable->id);
    if (found == set->prepared.end())
      return fail(error, RLX_STATUS_FAILED_PRECONDITION, RLX_NO_INDEX, 0, "packs list: the set is not prepared for the executable");
    const std::vector<const Pack*> packs = packs_of(*found->second);
    for (size_t i = 0; i < packs.size() && i < own.capacity; ++i) {
      const rlx_pack row = {packs[i]->key, packs[i]->panels, packs[i]->bytes, 64, 0};
      std::memcpy(reinterpret_cast<char*>(own.rows) + i * own.stride, &row, sizeof row);
    }
    const rlx_packs_list_out result = {sizeof(rlx_packs_list_out), static_cast<uint32_t>(packs.size())};
    return write_out(out, result);
  });
}

int32_t packs_offer(rlx_param_set* set, const rlx_packs_offer_in* in, void*, rlx_error* error) {
  rlx_packs_offer_in own{};
  const int32_t read = read_in(own, in, "packs offer", error);
  const auto drop_now = [&](int32_t status) {
    if (own.drop != nullptr) own.drop(own.drop_user);
    return status;
  };
  if (read == RLX_STATUS_UNKNOWN_FIELD) own.drop = in->drop, own.drop_user = in->drop_user;
  if (read != RLX_STATUS_OK) return drop_now(read);
  if (set == nullptr) return drop_now(null_argument(error, "packs offer: set"));
  if (set->sealed.load(std::memory_order_acquire))
    return drop_now(fail(error, RLX_STATUS_FAILED_PRECONDITION, RLX_NO_INDEX, 0, "packs offer: the set is sealed"));
  if (int32_t status = check_stride(own.stride, own.count, own.rows, "packs offer: rows", error)) return drop_now(status);
  std::shared_ptr<Offer> offer;
  const int32_t status = guarded(error, [&]() -> int32_t {
    offer = std::make_shared<Offer>();
    for (uint32_t i = 0; i < own.count; ++i) offer->rows.push_back(row_at(own.rows, own.stride, i));
    set->offers.push_back(offer);
    return RLX_STATUS_OK;
  });
  if (status != RLX_STATUS_OK) return drop_now(status);
  offer->drop = own.drop;  // from here on it goes with the offer
  offer->drop_user = own.drop_user;
  return RLX_STATUS_OK;
}

}  // namespace

const rlx_packs_1 kPacksTable = {packs_list, packs_offer};

}  // namespace rlx_cpu
