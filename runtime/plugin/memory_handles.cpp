// SPDX-License-Identifier: Apache-2.0
// The wrappers of memory: buffers and param sets.
#include <algorithm>

#include "runtime/plugin/call.h"
#include "runtime/plugin/handle_support.h"
#include "runtime/plugin/handles.h"

namespace rlx {

Result<BufferHandle> DeviceHandle::alloc(std::uint64_t bytes, std::uint32_t alignment,
                                         std::uint32_t space) const {
  auto in = sized<rlx_alloc_in>();
  in.bytes = bytes;
  in.alignment = alignment;
  in.space = space;
  auto out = sized<rlx_alloc_out>();
  RLX_TRY(call_in_out(plugin(), "alloc", in, out,
                      [&](rlx_error* error) { return plugin().buffer->alloc(get(), &in, &out, error); }));
  RLX_TRY(check_made(plugin(), "alloc", out.buffer));
  BufferHandle buffer(own(owned_->plugin, owned_, out.buffer, plugin().buffer->free));
  buffer.host_ = out.host;
  buffer.bytes_ = bytes;
  if (alignment && reinterpret_cast<std::uintptr_t>(out.host) % alignment)
    return plugin_fault(plugin(), "alloc", "the memory is not aligned to ", alignment, " bytes");
  return buffer;
}

Result<BufferHandle> DeviceHandle::import_host(MutableBytes memory) const {
  if (!can_import_host())
    return fail(ErrorCode::kUnsupportedOps, plugin().id(), " cannot use host memory as a buffer");
  auto in = sized<rlx_import_host_in>();
  in.host = memory.data();
  in.bytes = memory.size();
  auto out = sized<rlx_alloc_out>();
  RLX_TRY(call_in_out(plugin(), "import_host", in, out, [&](rlx_error* error) {
    return plugin().buffer->import_host(get(), &in, &out, error);
  }));
  RLX_TRY(check_made(plugin(), "import_host", out.buffer));
  BufferHandle buffer(own(owned_->plugin, owned_, out.buffer, plugin().buffer->free));
  buffer.host_ = out.host;
  buffer.bytes_ = memory.size();
  return buffer;
}

Status BufferHandle::write(std::uint64_t offset, Bytes source, const rlx_call* call) {
  auto in = sized<rlx_transfer_in>();
  in.offset = offset;
  in.bytes = source.size();
  in.host = const_cast<std::byte*>(source.data());  // the struct serves both ways; write only reads
  in.call = call;
  return call_in(plugin(), "buffer write", in,
                 [&](rlx_error* error) { return plugin().buffer->write(get(), &in, nullptr, error); });
}

Status BufferHandle::read(std::uint64_t offset, MutableBytes target, const rlx_call* call) const {
  auto in = sized<rlx_transfer_in>();
  in.offset = offset;
  in.bytes = target.size();
  in.host = target.data();
  in.call = call;
  return call_in(plugin(), "buffer read", in,
                 [&](rlx_error* error) { return plugin().buffer->read(get(), &in, nullptr, error); });
}

Status BufferHandle::copy_from(const BufferHandle& source, std::uint64_t source_offset, std::uint64_t offset,
                               std::uint64_t bytes, const rlx_call* call) {
  auto in = sized<rlx_copy_in>();
  in.source = source.get();
  in.source_offset = source_offset;
  in.offset = offset;
  in.bytes = bytes;
  in.call = call;
  return call_in(plugin(), "buffer copy", in,
                 [&](rlx_error* error) { return plugin().buffer->copy(get(), &in, nullptr, error); });
}

Result<ParamSetHandle> DeviceHandle::create_params(std::uint32_t count, const ParamSetHandle* base) const {
  auto in = sized<rlx_params_create_in>();
  in.count = count;
  in.base = base ? base->get() : nullptr;
  auto out = sized<rlx_params_create_out>();
  RLX_TRY(call_in_out(plugin(), "params create", in, out,
                      [&](rlx_error* error) { return plugin().params->create(get(), &in, &out, error); }));
  RLX_TRY(check_made(plugin(), "params create", out.set));
  ParamSetHandle set(own(owned_->plugin, owned_, out.set, plugin().params->destroy));
  set.count_ = count;
  return set;
}

Status ParamSetHandle::put(const ParamEntry& source) {
  auto in = sized<rlx_put_in>();
  in.index = source.index;
  in.dtype = source.dtype;
  in.rank = static_cast<std::uint32_t>(source.dims.size());
  in.dims = source.dims.data();
  in.host = source.host;
  in.buffer = source.buffer ? source.buffer->get() : nullptr;
  in.buffer_offset = source.buffer_offset;
  in.bytes = source.bytes;
  in.hash = {source.hash.low, source.hash.high};
  in.drop = source.drop;
  in.drop_user = source.drop_user;
  return call_in(plugin(), "params put", in,
                 [&](rlx_error* error) { return plugin().params->put(get(), &in, nullptr, error); });
}

Status ParamSetHandle::seal() {
  return call_plugin(plugin().id(), "params seal",
                     [&](rlx_error* error) { return plugin().params->seal(get(), nullptr, nullptr, error); });
}

Result<std::vector<std::uint32_t>> ParamSetHandle::prepare(const ExecutableHandle& executable,
                                                           const rlx_call* call) const {
  std::vector<std::uint32_t> missing(count_);
  auto in = sized<rlx_prepare_in>();
  in.missing = missing.empty() ? nullptr : missing.data();
  in.missing_capacity = count_;
  in.executable = executable.get();
  in.call = call;
  auto out = sized<rlx_prepare_out>();
  std::uint64_t missing_count = 0;
  RLX_TRY(call_in_out(plugin(), "params prepare", in, out, [&](rlx_error* error) {
    const std::int32_t status = plugin().params->prepare(get(), &in, &out, error);
    if (status != RLX_STATUS_NOT_FOUND) return status;
    missing_count = out.missing_count ? out.missing_count : error->detail;
    return missing_count ? RLX_STATUS_OK : status;
  }));
  missing.resize(std::min<std::uint64_t>(missing_count, count_));
  if (missing_count && (missing.empty() || std::any_of(missing.begin(), missing.end(),
                                                       [&](auto index) { return index >= count_; })))
    return plugin_fault(plugin(), "params prepare", "it misses entries that a set of ", count_, " has not");
  return missing;
}

void ParamSetHandle::release(const ExecutableHandle& executable) const {
  try {
    plugin().params->release(get(), executable.get());
  } catch (...) {  // cannot fail by contract
  }
}

Result<ParamUsage> ParamSetHandle::usage() const {
  auto out = sized<rlx_usage_out>();
  RLX_TRY(call_out(plugin(), "params usage", out,
                   [&](rlx_error* error) { return plugin().params->usage(get(), nullptr, &out, error); }));
  return ParamUsage{out.pack_count, out.source_bytes, out.packed_bytes, out.shared_bytes};
}

}  // namespace rlx
