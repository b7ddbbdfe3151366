// SPDX-License-Identifier: Apache-2.0
// prepare: addresses of params for one executable, and its packs, each made once per key however many threads
// ask.
#include "params_prepare.h"

#include <set>

#include "compile_executable.h"
#include "device.h"
#include "entry_guard.h"
#include "execute_call.h"
#include "kernels/kernel_table.h"
#include "params.h"
#include "params_packs.h"

namespace rlx_cpu {
namespace {

void text_of_dims(uint32_t rank, const int64_t* dims, char* text, size_t bytes) {
  size_t at = 0;
  text[0] = 0;
  for (uint32_t i = 0; i < rank && at < bytes; ++i) {
    at += static_cast<size_t>(
        std::snprintf(text + at, bytes - at, i ? ", %lld" : "%lld", static_cast<long long>(dims[i])));
  }
}

/// The set's entries must be what the image's param records declare.
int32_t check_entries(const rlx_param_set* set, const rlx_executable& executable, const rlx_prepare_in& in,
                      uint32_t* missing, rlx_error* error) {
  *missing = 0;
  const char* first = "";
  for (const ParamInfo& param : executable.params) {
    if (!param.used) continue;
    if (param.set_index < set->entries.size() && set->entries[param.set_index]) continue;
    if (*missing == 0) first = param.name.c_str();
    if (in.missing != nullptr && *missing < in.missing_capacity) in.missing[*missing] = param.set_index;
    ++*missing;
  }
  if (*missing != 0) {
    return fail(error, RLX_STATUS_NOT_FOUND, RLX_NO_INDEX, *missing,
                "prepare: %u params are not in the set, the first is \"%.200s\"", *missing, first);
  }
  for (const ParamInfo& param : executable.params) {
    if (!param.used) continue;
    const Source& source = *set->entries[param.set_index];
    bool same = source.dtype == param.dtype && source.rank == param.rank;
    for (uint32_t i = 0; same && i < param.rank; ++i) same = source.dims[i] == param.dims[i];
    if (same) continue;
    char seen[100], wanted[100];
    text_of_dims(source.rank, source.dims, seen, sizeof seen);
    text_of_dims(param.rank, param.dims, wanted, sizeof wanted);
    return fail(
        error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, param.set_index,
        "prepare: param \"%.150s\" (entry %u) has dtype %u and dims [%s], the image wants dtype %u and [%s]",
        param.name.c_str(), param.set_index, source.dtype, seen, param.dtype, wanted);
  }
  return RLX_STATUS_OK;
}

PackKey key_of(const PackRecipe& recipe, const rlx_param_set* set, const rlx_executable& executable) {
  PackKey key = {true, {static_cast<uint64_t>(recipe.k)}};
  for (const PackPartRecipe& part : recipe.parts) {
    uint32_t alpha = 0;
    memcpy(&alpha, &part.alpha, sizeof alpha);
    const Source& source = *set->entries[executable.params[part.param].set_index];
    const bool known = source.hash.low != 0 || source.hash.high != 0;
    key.content = key.content && known;
    key.words.insert(key.words.end(),
                     {known ? source.hash.low : source.id, known ? source.hash.high : 0, part.byte_offset,
                      static_cast<uint64_t>(part.stride_k), static_cast<uint64_t>(part.stride_n),
                      static_cast<uint64_t>(part.n), alpha});
  }
  return key;
}

std::shared_ptr<Pack> find_or_add(PackStore& store, const PackKey& key) {
  std::lock_guard lock(store.mutex);
  std::weak_ptr<Pack>& slot = store.packs[key];
  std::shared_ptr<Pack> pack = slot.lock();
  if (!pack) {
    pack = std::make_shared<Pack>();
    pack->key = public_key(key);
    slot = pack;
    if (store.packs.size() % 64 == 0) {
      std::erase_if(store.packs, [](const auto& entry) { return entry.second.expired(); });
    }
  }
  return pack;
}

/// Takes the panels that the host offers, or fills some, unless another thread did. The lock makes the others wait for
/// the one.
int32_t make_pack(Pack& pack, const PackRecipe& recipe, const Prepared& prepared, const rlx_param_set* set,
                  CallWatch& watch, rlx_error* error) {
  std::lock_guard lock(pack.making);
  if (pack.ready) return RLX_STATUS_OK;
  int64_t panels = 0;
  std::vector<PackPart> parts;
  for (const PackPartRecipe& part : recipe.parts) {
    const char* data = static_cast<const char*>(prepared.params[part.param]) + part.byte_offset;
    parts.push_back({reinterpret_cast<const float*>(data), part.stride_k, part.stride_n, part.n, part.alpha});
    panels += panel_count(part.n);
  }
  const uint64_t bytes = static_cast<uint64_t>(packed_floats(panels, recipe.k)) * sizeof(float);
  pack.lent = find_offer(set, pack.key, bytes, &pack.panels);
  if (pack.lent) {
    pack.bytes = bytes;
    pack.ready = true;
    return RLX_STATUS_OK;
  }
  if (pack.own == nullptr) {
    pack.panels = pack.own = static_cast<float*>(aligned_memory(bytes, 64));
    if (pack.own == nullptr) {
      return fail(error, RLX_STATUS_OUT_OF_MEMORY, RLX_NO_INDEX, bytes,
                  "prepare: no memory for %llu bytes of packed weights",
                  static_cast<unsigned long long>(bytes));
    }
    pack.bytes = bytes;
    pack.total = set->device->packs->total;
    *pack.total += bytes;
  }
  constexpr int64_t kPanelsAtOnce = 64;
  for (int64_t begin = 0; begin < panels; begin += kPanelsAtOnce) {
    const int64_t end = begin + kPanelsAtOnce < panels ? begin + kPanelsAtOnce : panels;
    kernels().pack_b(parts.data(), static_cast<int32_t>(parts.size()), recipe.k, begin, end, pack.own);
    if (int32_t status = watch.check()) return watch.fail(status, "prepare", error);
  }
  pack.ready = true;
  return RLX_STATUS_OK;
}

void forget_dead(rlx_param_set* set) {
  if (std::erase_if(set->prepared, [](const auto& entry) { return entry.second->executable.expired(); }) !=
      0) {
    set->generation.fetch_add(1, std::memory_order_release);
  }
}

}  // namespace

int32_t prepare_set(rlx_param_set* set, const rlx_prepare_in& in, uint32_t* missing, rlx_error* error) {
  if (in.executable == nullptr) return null_argument(error, "prepare: executable");
  const rlx_executable& executable = *in.executable;
  if (executable.device != set->device) {
    return fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, 0,
                "prepare: set and executable belong to different devices");
  }
  if (!set->sealed.load(std::memory_order_acquire)) {
    return fail(error, RLX_STATUS_FAILED_PRECONDITION, RLX_NO_INDEX, 0, "prepare: the set is not sealed");
  }
  CallWatch watch;
  if (int32_t status = watch.open(in.call, "prepare", error)) return status;
  {
    std::lock_guard lock(set->mutex);
    forget_dead(set);
    if (set->prepared.count(executable.id) != 0) return RLX_STATUS_OK;
  }
  if (int32_t status = check_entries(set, executable, in, missing, error)) return status;
  auto prepared = std::make_unique<Prepared>();
  prepared->executable = executable.token;
  for (const ParamInfo& param : executable.params) {
    prepared->params.push_back(param.used ? set->entries[param.set_index]->data : nullptr);
  }
  PackStore& store = *set->device->packs;
  for (const PackRecipe& recipe : executable.packs) {
    std::shared_ptr<Pack> pack = find_or_add(store, key_of(recipe, set, executable));
    if (int32_t status = make_pack(*pack, recipe, *prepared, set, watch, error)) return status;
    prepared->packs.push_back(pack->panels);
    prepared->held.push_back(std::move(pack));
  }
  std::lock_guard lock(set->mutex);
  if (set->prepared.emplace(executable.id, std::move(prepared)).second) {
    set->generation.fetch_add(1, std::memory_order_release);
  }
  return RLX_STATUS_OK;
}

void release_set(rlx_param_set* set, const rlx_executable* executable) {
  std::lock_guard lock(set->mutex);
  forget_dead(set);
  if (set->prepared.erase(executable->id) != 0) set->generation.fetch_add(1, std::memory_order_release);
}

rlx_usage_out usage_of(rlx_param_set* set) {
  rlx_usage_out usage{};
  usage.struct_size = sizeof usage;
  std::set<const Source*> sources;
  for (const auto& source : set->entries) {
    if (!source || !sources.insert(source.get()).second) continue;
    usage.source_bytes += source->bytes;
    if (source.use_count() > 1) usage.shared_bytes += source->bytes;
  }
  std::lock_guard lock(set->mutex);
  forget_dead(set);
  std::map<const Pack*, std::pair<const std::shared_ptr<Pack>*, long>> packs;
  for (const auto& [id, prepared] : set->prepared) {
    for (const auto& pack : prepared->held) {
      auto& [holder, uses] = packs[pack.get()];
      holder = &pack;
      ++uses;
    }
  }
  usage.pack_count = static_cast<uint32_t>(packs.size());
  for (const auto& [pack, held] : packs) {
    const bool shared = pack->lent || held.first->use_count() > held.second;
    (shared ? usage.shared_bytes : usage.packed_bytes) += pack->bytes;
  }
  return usage;
}

}  // namespace rlx_cpu
