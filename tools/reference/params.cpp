// SPDX-License-Identifier: Apache-2.0
// rlx.params/1: sources are read where they are; nothing is packed.
#include <rlx/lir.h>

#include <algorithm>

#include "tools/reference/guard.h"
#include "tools/reference/objects.h"

namespace rlx_reference {
namespace {

int32_t create(rlx_device* device, const rlx_params_create_in* in, rlx_params_create_out* out,
               rlx_error* error) {
  return guarded(error, [&]() -> int32_t {
    if (!device) return refuse(error, RLX_STATUS_INVALID_ARGUMENT, "params create: the device is null");
    rlx_params_create_in own;
    RLX_STATUS_TRY(read_in(own, in, "params create", error));
    RLX_STATUS_TRY(check_out(out, sizeof(rlx_params_create_out), "params create", error));
    auto set = std::make_unique<rlx_param_set>();
    set->device = device;
    if (own.base) {
      if (own.base->device != device || own.base->entries.size() != own.count)
        return refuse(error, RLX_STATUS_INVALID_ARGUMENT,
                      rlx::join("params create: ", own.count, " entries, the base has ",
                                own.base->entries.size(), ", or is a stranger"),
                      own.count);
      if (!own.base->sealed)
        return refuse(error, RLX_STATUS_FAILED_PRECONDITION, "params create: the base is not sealed");
      set->entries = own.base->entries;
    }
    set->entries.resize(own.count);
    set->put.resize(own.count);
    return write_out(out, rlx_params_create_out{sizeof(rlx_params_create_out), 0, set.release()});
  });
}

/// What is wrong with an entry, or OK; fills dims.
int32_t check_put(const rlx_param_set* set, const rlx_put_in& in, rlx_error* error) {
  const auto bad = [&](const char* why) {
    return refuse(error, RLX_STATUS_INVALID_ARGUMENT, rlx::join("put of entry ", in.index, ": ", why),
                  in.index);
  };
  if (!set) return bad("the set is null");
  if (set->sealed)
    return refuse(error, RLX_STATUS_FAILED_PRECONDITION,
                  rlx::join("put of entry ", in.index, ": the set is sealed"), in.index);
  if (in.index >= set->entries.size()) return bad("past the end of the set");
  if (set->put[in.index]) return bad("it was put before");
  if (in.rank > RLX_MAX_RANK || (in.rank && !in.dims) || !rlx_dtype_bytes(in.dtype))
    return bad("rank, dims or dtype");
  uint64_t bytes = rlx_dtype_bytes(in.dtype);
  for (uint32_t n = 0; n < in.rank; ++n)
    if (in.dims[n] < 0 || __builtin_mul_overflow(bytes, static_cast<uint64_t>(in.dims[n]), &bytes))
      return bad("a dim");
  if (in.bytes != bytes) return bad("bytes that differ from what its dims need");
  if (bytes ? !in.host == !in.buffer : in.host && in.buffer) return bad("wanted exactly one source");
  if (in.buffer && (in.buffer->device != set->device || in.buffer_offset > in.buffer->size ||
                    bytes > in.buffer->size - in.buffer_offset))
    return bad("a source past the end of its buffer, or of another device");
  return RLX_STATUS_OK;
}

int32_t put(rlx_param_set* set, const rlx_put_in* in, void*, rlx_error* error) {
  return guarded(error, [&]() -> int32_t {
    rlx_put_in own{};
    const int32_t read = read_in(own, in, "put", error);
    if (read == RLX_STATUS_UNKNOWN_FIELD) own.drop = in->drop, own.drop_user = in->drop_user;
    auto source = std::make_shared<Source>();  // from here on drop is called, whatever happens
    source->drop = own.drop;
    source->drop_user = own.drop_user;
    RLX_STATUS_TRY(read);
    RLX_STATUS_TRY(check_put(set, own, error));
    source->dtype = own.dtype;
    source->dims.assign(own.dims, own.dims + own.rank);
    source->data =
        own.buffer ? own.buffer->bytes + own.buffer_offset : static_cast<const std::byte*>(own.host);
    source->bytes = own.bytes;
    set->entries[own.index] = std::move(source);
    set->put[own.index] = true;
    return RLX_STATUS_OK;
  });
}

int32_t seal(rlx_param_set* set, const void* in, void*, rlx_error* error) {
  if (!set) return refuse(error, RLX_STATUS_INVALID_ARGUMENT, "seal: the set is null");
  RLX_STATUS_TRY(read_none(in, "seal", error));
  set->sealed = true;
  return RLX_STATUS_OK;
}

bool same_dims(const rlx::Dims& wanted, const std::vector<int64_t>& seen) {
  return wanted.size() == seen.size() &&
         std::equal(seen.begin(), seen.end(), wanted.begin(),
                    [](int64_t a, const rlx::Dim& b) { return rlx::Dim(a) == b; });
}

int32_t prepare(rlx_param_set* set, const rlx_prepare_in* in, rlx_prepare_out* out, rlx_error* error) {
  return guarded(error, [&]() -> int32_t {
    if (!set) return refuse(error, RLX_STATUS_INVALID_ARGUMENT, "prepare: the set is null");
    rlx_prepare_in own;
    RLX_STATUS_TRY(read_in(own, in, "prepare", error));
    if (out) RLX_STATUS_TRY(check_out(out, sizeof(rlx_prepare_out), "prepare", error));
    if (!own.executable || own.executable->device != set->device)
      return refuse(error, RLX_STATUS_INVALID_ARGUMENT,
                    "prepare: the executable is null or of another device");
    if (!set->sealed) return refuse(error, RLX_STATUS_FAILED_PRECONDITION, "prepare: the set is not sealed");
    uint32_t missing = 0;
    for (const rlx::lir::ParamRef& param : own.executable->program.module().params) {
      const Source* source =
          param.set_index < set->entries.size() ? set->entries[param.set_index].get() : nullptr;
      if (!source) {
        if (own.missing && missing < own.missing_capacity) own.missing[missing] = param.set_index;
        ++missing;
      } else if (source->dtype != static_cast<uint32_t>(param.dtype) ||
                 !same_dims(param.dims, source->dims)) {
        return refuse(error, RLX_STATUS_INVALID_ARGUMENT,
                      rlx::join("prepare: entry ", param.set_index, " `", param.name,
                                "` has another dtype or other dims than the image"),
                      param.set_index);
      }
    }
    if (out) write_out(out, rlx_prepare_out{sizeof(rlx_prepare_out), missing});
    if (missing)
      return refuse(error, RLX_STATUS_NOT_FOUND,
                    rlx::join("prepare: ", missing, " params are not in the set"), missing);
    const std::lock_guard lock(set->mutex);
    set->prepared.insert(own.executable);
    return RLX_STATUS_OK;
  });
}

void release(rlx_param_set* set, rlx_executable* executable) {
  if (!set) return;
  const std::lock_guard lock(set->mutex);
  set->prepared.erase(executable);
}

void destroy(rlx_param_set* set) { delete set; }

int32_t usage(rlx_param_set* set, const void* in, rlx_usage_out* out, rlx_error* error) {
  return guarded(error, [&]() -> int32_t {
    if (!set) return refuse(error, RLX_STATUS_INVALID_ARGUMENT, "usage: the set is null");
    RLX_STATUS_TRY(read_none(in, "usage", error));
    RLX_STATUS_TRY(check_out(out, sizeof(rlx_usage_out), "usage", error));
    rlx_usage_out own{};
    for (const auto& source : set->entries) {
      if (!source) continue;
      own.source_bytes += source->bytes;
      if (source.use_count() > 1) own.shared_bytes += source->bytes;
    }
    return write_out(out, own);
  });
}

}  // namespace

const rlx_params_1 kParamsTable = {create, put, seal, prepare, release, destroy, usage};

}  // namespace rlx_reference
