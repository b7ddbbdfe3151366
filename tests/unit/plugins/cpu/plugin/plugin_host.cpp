// SPDX-License-Identifier: Apache-2.0
// The small host of these tests.
#include "plugin_host.h"

#include <dlfcn.h>

#include <thread>

namespace rlx_test {

rlx_query_in query_in() {
  rlx_query_in in = sized<rlx_query_in>();
  in.abi_epoch = RLX_ABI_EPOCH;
  in.abi_major = RLX_ABI_MAJOR;
  in.abi_minor_min = in.abi_minor_max = RLX_ABI_MINOR;
  in.lir_version_min = in.lir_version_max = RLX_LIR_VERSION;
  in.host_name = str("test");
  in.host_version = str("0");
  return in;
}

Library::Library() {
  void* file = dlopen(RLX_CPU_PLUGIN, RTLD_NOW | RTLD_LOCAL);
  if (file == nullptr) {
    ADD_FAILURE() << dlerror();
    abort();
  }
  query = reinterpret_cast<rlx_plugin_query_fn>(dlsym(file, RLX_PLUGIN_QUERY_SYMBOL));
  const rlx_query_in in = query_in();
  rlx_query_out out = sized<rlx_query_out>();
  if (query == nullptr || query(&in, &out, nullptr) != RLX_STATUS_OK) abort();
  const auto table = [&](const char* id) { return out.get_interface(str(id)); };
  plugin = static_cast<const rlx_plugin_1*>(table(RLX_INTERFACE_PLUGIN_1));
  device = static_cast<const rlx_device_1*>(table(RLX_INTERFACE_DEVICE_1));
  buffer = static_cast<const rlx_buffer_1*>(table(RLX_INTERFACE_BUFFER_1));
  params = static_cast<const rlx_params_1*>(table(RLX_INTERFACE_PARAMS_1));
  compile = static_cast<const rlx_compile_1*>(table(RLX_INTERFACE_COMPILE_1));
  execute = static_cast<const rlx_execute_1*>(table(RLX_INTERFACE_EXECUTE_1));
}

const Library& library() {
  static const Library loaded;
  return loaded;
}

// ---- Device
// -------------------------------------------------------------------------------------------------------------

const void* Device::service(void* user, rlx_str id) {
  Device& device = *static_cast<Device*>(user);
  if (device.threads_ == 0 || std::string(id.data, id.size) != RLX_HOST_THREADS_1) return nullptr;
  return &device.table_;
}

Device::Device(uint32_t threads) : threads_(threads) {
  host_.user = this;
  host_.get_service = service;
  table_.concurrency = [](void* user) { return static_cast<Device*>(user)->threads_; };
  table_.parallel_for = [](void*, uint64_t count, void (*body)(void*, uint64_t), void* context) {
    for (uint64_t i = 0; i < count; ++i) body(context, i);
  };
  table_.team = [](void* user, uint32_t want, void (*body)(void*, uint32_t, uint32_t), void* context) {
    Device& self = *static_cast<Device*>(user);
    ++self.forks_;
    const uint32_t size = want < self.threads_ ? want : self.threads_;
    std::vector<std::thread> members;
    for (uint32_t i = 1; i < size; ++i) members.emplace_back(body, context, i, size);
    body(context, 0, size);
    for (std::thread& member : members) member.join();
    return size;
  };
  rlx_open_in in = sized<rlx_open_in>();
  in.host = &host_;
  in.abi_minor = RLX_ABI_MINOR;
  rlx_open_out out = sized<rlx_open_out>();
  EXPECT_EQ(library().plugin->open(&in, &out, nullptr), RLX_STATUS_OK);
  plugin_ = out.plugin;
  rlx_device_open_out opened = sized<rlx_device_open_out>();
  EXPECT_EQ(library().device->open(plugin_, nullptr, &opened, nullptr), RLX_STATUS_OK);
  device_ = opened.device;
}

Device::~Device() {
  library().device->close(device_);
  library().plugin->close(plugin_);
}

// ---- Tensors
// ------------------------------------------------------------------------------------------------------------

Tensor f32(std::vector<int64_t> dims, const std::vector<float>& values) {
  return tensor(RLX_DTYPE_F32, std::move(dims), values);
}

Tensor empty_like(uint32_t dtype, std::vector<int64_t> dims) {
  int64_t bytes = rlx_dtype_bytes(dtype);
  for (int64_t dim : dims) bytes *= dim;
  return {dtype, std::move(dims), std::vector<char>(static_cast<size_t>(bytes), '\x7b')};
}

// ---- Executables
// --------------------------------------------------------------------------------------------------------

Executable::Executable(const Device& device, const rlx::lir::Image& image, uint32_t thread_limit) {
  error_.struct_size = sizeof error_;
  rlx_compile_in in = sized<rlx_compile_in>();
  in.image = image.bytes().data();
  in.image_bytes = image.bytes().size();
  in.thread_limit = thread_limit;
  rlx_compile_out out = sized<rlx_compile_out>();
  status_ = library().compile->compile_lir(device.get(), &in, &out, &error_);
  executable_ = out.executable;
}

Executable::~Executable() { library().compile->executable_destroy(executable_); }

rlx_executable_info_out Executable::info() const {
  rlx_executable_info_out out = sized<rlx_executable_info_out>();
  EXPECT_EQ(library().compile->executable_info(executable_, nullptr, &out, nullptr), RLX_STATUS_OK);
  return out;
}

Context::Context(const Executable& executable, uint32_t thread_limit) {
  const rlx_executable_info_out info = executable.info();
  for (uint32_t i = 0; i < info.arena_count; ++i) {
    const auto* arena = reinterpret_cast<const rlx_arena_info*>(reinterpret_cast<const char*>(info.arenas) +
                                                                i * info.arena_stride);
    memory_.push_back(std::make_unique<Bytes>(arena->bytes));
    arenas_.push_back({memory_.back()->data(), nullptr, 0, arena->bytes});
  }
  rlx_context_create_in in = sized<rlx_context_create_in>();
  in.thread_limit = thread_limit;
  in.arenas = arenas_.data();
  in.arena_count = info.arena_count;
  in.arena_stride = sizeof(rlx_arena);
  rlx_context_create_out out = sized<rlx_context_create_out>();
  error_ = sized<rlx_error>();
  EXPECT_EQ(library().execute->context_create(executable.get(), &in, &out, &error_), RLX_STATUS_OK)
      << error_.message;
  context_ = out.context;
}

Context::~Context() { library().execute->context_destroy(context_); }

void Context::poison(unsigned char byte) {
  for (const rlx_arena& arena : arenas_) memset(arena.host, byte, arena.bytes);
}

int32_t Context::run(const rlx_param_set* set, std::span<const rlx_view> inputs,
                     std::span<const rlx_view> outputs, const rlx_call* call) {
  rlx_execute_in in = sized<rlx_execute_in>();
  in.params = set;
  in.inputs = inputs.data();
  in.outputs = outputs.data();
  in.input_count = static_cast<uint32_t>(inputs.size());
  in.output_count = static_cast<uint32_t>(outputs.size());
  in.input_stride = in.output_stride = sizeof(rlx_view);
  in.call = call;
  error_ = sized<rlx_error>();
  return library().execute->execute(context_, &in, nullptr, &error_);
}

// ---- Params
// -------------------------------------------------------------------------------------------------------------

Set::Set(const Device& device, std::vector<Tensor> tensors, const rlx_param_set* base)
    : tensors_(std::move(tensors)) {
  rlx_params_create_in in = sized<rlx_params_create_in>();
  in.count = static_cast<uint32_t>(tensors_.size());
  in.base = base;
  rlx_params_create_out out = sized<rlx_params_create_out>();
  EXPECT_EQ(library().params->create(device.get(), &in, &out, nullptr), RLX_STATUS_OK);
  set_ = out.set;
  for (uint32_t i = 0; i < tensors_.size(); ++i) {
    if (tensors_[i].dtype == RLX_DTYPE_NONE) continue;  // not put
    const rlx_view view = tensors_[i].view();
    rlx_put_in put = sized<rlx_put_in>();
    put.index = i;
    put.dtype = view.dtype;
    put.rank = view.rank;
    put.dims = view.dims;
    put.host = view.host;
    put.bytes = view.bytes;
    error_ = sized<rlx_error>();
    EXPECT_EQ(library().params->put(set_, &put, nullptr, &error_), RLX_STATUS_OK) << error_.message;
  }
  EXPECT_EQ(library().params->seal(set_, nullptr, nullptr, nullptr), RLX_STATUS_OK);
}

Set::~Set() { library().params->destroy(set_); }

int32_t Set::prepare(const Executable& executable) {
  rlx_prepare_in in = sized<rlx_prepare_in>();
  in.executable = executable.get();
  rlx_prepare_out out = sized<rlx_prepare_out>();
  error_ = sized<rlx_error>();
  return library().params->prepare(set_, &in, &out, &error_);
}

rlx_usage_out Set::usage() const {
  rlx_usage_out out = sized<rlx_usage_out>();
  EXPECT_EQ(library().params->usage(set_, nullptr, &out, nullptr), RLX_STATUS_OK);
  return out;
}

std::vector<Tensor> run_once(const Device& device, const rlx::lir::Image& image, std::vector<Tensor> inputs,
                             std::vector<Tensor> outputs) {
  Executable executable(device, image);
  EXPECT_EQ(executable.status(), RLX_STATUS_OK) << executable.error().message;
  if (executable.status() != RLX_STATUS_OK) return outputs;
  Context context(executable);
  context.poison(0xEE);
  std::vector<rlx_view> in, out;
  for (Tensor& t : inputs) in.push_back(t.view());
  for (Tensor& t : outputs) out.push_back(t.view());
  EXPECT_EQ(context.run(nullptr, in, out), RLX_STATUS_OK) << context.message();
  return outputs;
}

}  // namespace rlx_test
