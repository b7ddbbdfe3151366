// SPDX-License-Identifier: Apache-2.0
// rlx.params/1: filling and sealing sets. What prepare does is in params_prepare.cpp.
#include "params.h"

#include <rlx/lir.h>

#include <algorithm>

#include "device.h"
#include "entry_guard.h"
#include "params_prepare.h"

namespace rlx_cpu {

Source::~Source() {
  free_memory(copy);
  if (drop != nullptr) drop(drop_user);
}

Pack::~Pack() {
  if (own == nullptr) return;
  free_memory(own);
  if (total) *total -= bytes;
}

uint64_t unique_id() {
  static std::atomic<uint64_t> next{1};
  return next.fetch_add(1, std::memory_order_relaxed);
}

namespace {

int32_t params_create(rlx_device* device, const rlx_params_create_in* in, rlx_params_create_out* out,
                      rlx_error* error) {
  return guarded(error, [&]() -> int32_t {
    if (device == nullptr) return null_argument(error, "params create: device");
    rlx_params_create_in own;
    if (int32_t status = read_in(own, in, "params create", error)) return status;
    if (int32_t status = check_out(out, sizeof(rlx_params_create_out), "params create", error)) return status;
    auto set = std::make_unique<rlx_param_set>();
    set->device = device;
    set->id = unique_id();
    if (own.base != nullptr) {
      if (own.base->device != device) {
        return fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, 0,
                    "params create: the base belongs to another device");
      }
      if (!own.base->sealed.load(std::memory_order_acquire)) {
        return fail(error, RLX_STATUS_FAILED_PRECONDITION, RLX_NO_INDEX, 0,
                    "params create: the base is not sealed");
      }
      if (own.base->entries.size() != own.count) {
        return fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, own.count,
                    "params create: %u entries, the base has %zu", own.count, own.base->entries.size());
      }
      set->entries = own.base->entries;
      set->offers = own.base->offers;
    } else {
      set->entries.resize(own.count);
    }
    set->replaced.resize(own.count);
    const rlx_params_create_out result = {sizeof(rlx_params_create_out), 0, set.get()};
    set.release();
    return write_out(out, result);
  });
}

/// Checks the entry's description. Errors name the entry.
int32_t check_put(const rlx_param_set* set, const rlx_put_in& in, rlx_error* error) {
  const auto refuse = [&](const char* why, uint64_t seen, uint64_t wanted) {
    return fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, in.index,
                "put of entry %u: %s is %llu, wanted %llu", in.index, why,
                static_cast<unsigned long long>(seen), static_cast<unsigned long long>(wanted));
  };
  if (set->sealed.load(std::memory_order_acquire)) {
    return fail(error, RLX_STATUS_FAILED_PRECONDITION, RLX_NO_INDEX, in.index,
                "put of entry %u: the set is sealed", in.index);
  }
  if (in.index >= set->entries.size()) return refuse("the index", in.index, set->entries.size());
  if (set->replaced[in.index]) {
    return fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, in.index,
                "put of entry %u: it was put before", in.index);
  }
  if (rlx_dtype_bytes(in.dtype) == 0) return refuse("the dtype", in.dtype, RLX_DTYPE_F32);
  if (in.rank > RLX_MAX_RANK) return refuse("the rank", in.rank, RLX_MAX_RANK);
  if (in.rank != 0 && in.dims == nullptr) return refuse("the address of dims", 0, in.rank);
  uint64_t bytes = rlx_dtype_bytes(in.dtype);
  for (uint32_t i = 0; i < in.rank; ++i) {
    if (in.dims[i] < 0) return refuse("a negative dim at axis", i, in.rank);
    if (__builtin_mul_overflow(bytes, static_cast<uint64_t>(in.dims[i]), &bytes))
      return refuse("overflow at axis", i, in.rank);
  }
  if (in.bytes != bytes) return refuse("the byte count", in.bytes, bytes);
  if (in.host != nullptr && in.buffer != nullptr) return refuse("the number of sources", 2, 1);
  if (in.host == nullptr && in.buffer == nullptr && bytes != 0) return refuse("the number of sources", 0, 1);
  if (in.buffer != nullptr) {
    if (in.buffer->device != set->device) return refuse("the buffer of another device", 1, 0);
    if (in.buffer_offset > in.buffer->bytes || bytes > in.buffer->bytes - in.buffer_offset) {
      return refuse("the end of the source in the buffer", in.buffer_offset + bytes, in.buffer->bytes);
    }
  }
  return RLX_STATUS_OK;
}

/// The source of the same content that the device has already, or `made`, which it has from now on.
std::shared_ptr<Source> one_of_a_kind(SourceStore& store, std::shared_ptr<Source> made) {
  if (made->hash.low == 0 && made->hash.high == 0) return made;
  std::shared_ptr<Source> known;  // let go of outside the lock
  std::lock_guard lock(store.mutex);
  std::weak_ptr<Source>& slot = store.sources[{made->hash.low, made->hash.high}];
  known = slot.lock();
  if (known && known->dtype == made->dtype && known->rank == made->rank && known->bytes == made->bytes &&
      std::equal(made->dims, made->dims + made->rank, known->dims)) {
    return known;
  }
  slot = made;
  if (store.sources.size() % 64 == 0) {
    std::erase_if(store.sources, [](const auto& entry) { return entry.second.expired(); });
  }
  return made;
}

int32_t params_put(rlx_param_set* set, const rlx_put_in* in, void*, rlx_error* error) {
  rlx_put_in own{};
  const int32_t read = read_in(own, in, "put", error);
  // From here on `drop` is ours to call, whatever happens; the source calls it when it goes.
  const auto drop_now = [&](int32_t status) {
    if (own.drop != nullptr) own.drop(own.drop_user);
    return status;
  };
  if (read == RLX_STATUS_UNKNOWN_FIELD) own.drop = in->drop, own.drop_user = in->drop_user;
  if (read != RLX_STATUS_OK) return drop_now(read);
  if (set == nullptr) return drop_now(null_argument(error, "put: set"));
  if (int32_t status = check_put(set, own, error)) return drop_now(status);
  std::shared_ptr<Source> source;
  const int32_t status = guarded(error, [&]() -> int32_t {
    source = std::make_shared<Source>();
    return RLX_STATUS_OK;
  });
  if (status != RLX_STATUS_OK) return drop_now(status);
  source->id = unique_id();
  source->hash = own.hash;
  source->dtype = own.dtype;
  source->rank = own.rank;
  for (uint32_t i = 0; i < own.rank; ++i) source->dims[i] = own.dims[i];
  source->bytes = own.bytes;
  source->data = own.buffer != nullptr ? own.buffer->host + own.buffer_offset : own.host;
  source->drop = own.drop;
  source->drop_user = own.drop_user;
  if (own.bytes != 0 && reinterpret_cast<uintptr_t>(source->data) % rlx_dtype_bytes(own.dtype) != 0) {
    source->copy = aligned_memory(own.bytes, 64);
    if (source->copy == nullptr) {
      return fail(error, RLX_STATUS_OUT_OF_MEMORY, RLX_NO_INDEX, own.bytes,
                  "put of entry %u: no memory for an aligned copy", own.index);
    }
    memcpy(source->copy, source->data, own.bytes);
    source->data = source->copy;
  }
  return guarded(error, [&]() -> int32_t {
    set->entries[own.index] = one_of_a_kind(*set->device->sources, std::move(source));
    set->replaced[own.index] = true;
    return RLX_STATUS_OK;
  });
}

int32_t params_seal(rlx_param_set* set, const void* in, void*, rlx_error* error) {
  if (set == nullptr) return null_argument(error, "seal: set");
  if (int32_t status = read_no_in(in, "seal", error)) return status;
  set->sealed.store(true, std::memory_order_release);
  return RLX_STATUS_OK;
}

int32_t params_prepare(rlx_param_set* set, const rlx_prepare_in* in, rlx_prepare_out* out, rlx_error* error) {
  return guarded(error, [&]() -> int32_t {
    if (set == nullptr) return null_argument(error, "prepare: set");
    rlx_prepare_in own;
    if (int32_t status = read_in(own, in, "prepare", error)) return status;
    if (out != nullptr) {
      if (int32_t status = check_out(out, sizeof(rlx_prepare_out), "prepare", error)) return status;
    }
    uint32_t missing = 0;
    const int32_t status = prepare_set(set, own, &missing, error);
    if (out != nullptr && (status == RLX_STATUS_OK || status == RLX_STATUS_NOT_FOUND)) {
      const rlx_prepare_out result = {sizeof(rlx_prepare_out), missing};
      write_out(out, result);
    }
    return status;
  });
}

void params_release(rlx_param_set* set, rlx_executable* executable) {
  if (set == nullptr || executable == nullptr) return;
  guarded(nullptr, [&]() -> int32_t { return release_set(set, executable), RLX_STATUS_OK; });
}

void params_destroy(rlx_param_set* set) { delete set; }

int32_t params_usage(rlx_param_set* set, const void* in, rlx_usage_out* out, rlx_error* error) {
  return guarded(error, [&]() -> int32_t {
    if (set == nullptr) return null_argument(error, "usage: set");
    if (int32_t status = read_no_in(in, "usage", error)) return status;
    if (int32_t status = check_out(out, sizeof(rlx_usage_out), "usage", error)) return status;
    return write_out(out, usage_of(set));
  });
}

}  // namespace

const rlx_params_1 kParamsTable = {params_create,  params_put,     params_seal, params_prepare,
                                   params_release, params_destroy, params_usage};

}  // namespace rlx_cpu
