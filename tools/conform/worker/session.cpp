// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/worker/session.h"

#include <dlfcn.h>
#include <rlx/lir.h>

namespace rlx::conform {
namespace {

template <class Table>
const Table* table_of(const rlx_query_out& answer, const char* id) {
  return static_cast<const Table*>(answer.get_interface(text_of(id)));
}

Tables tables_of(const rlx_query_out& answer) {
  Tables tables;
  tables.get = answer.get_interface;
  tables.plugin = table_of<rlx_plugin_1>(answer, RLX_INTERFACE_PLUGIN_1);
  tables.device = table_of<rlx_device_1>(answer, RLX_INTERFACE_DEVICE_1);
  tables.buffer = table_of<rlx_buffer_1>(answer, RLX_INTERFACE_BUFFER_1);
  tables.params = table_of<rlx_params_1>(answer, RLX_INTERFACE_PARAMS_1);
  tables.compile = table_of<rlx_compile_1>(answer, RLX_INTERFACE_COMPILE_1);
  tables.execute = table_of<rlx_execute_1>(answer, RLX_INTERFACE_EXECUTE_1);
  return tables;
}

}  // namespace

rlx_query_in usual_query() {
  rlx_query_in in = sized<rlx_query_in>();
  in.abi_epoch = RLX_ABI_EPOCH;
  in.abi_major = RLX_ABI_MAJOR;
  in.abi_minor_min = 1;
  in.abi_minor_max = RLX_ABI_MINOR;
  in.lir_version_min = 1;
  in.lir_version_max = RLX_LIR_VERSION;
  in.host_name = text_of("rlx-conform");
  in.host_version = text_of("0.1.0");
  return in;
}

std::unique_ptr<Library> Library::load(Run& run, const std::string& path) {
  const std::string& file = path.empty() ? run.plugin() : path;
  auto library = std::make_unique<Library>();
  run.phase("load");
  library->handle_ = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  const char* problem = library->handle_ ? nullptr : dlerror();
  if (!run.expect(library->handle_ != nullptr, "dlopen(RTLD_NOW | RTLD_LOCAL) loads it", problem ? problem : "")) return nullptr;
  void* symbol = dlsym(library->handle_, RLX_PLUGIN_QUERY_SYMBOL);
  if (!run.expect(symbol != nullptr, "it exports rlx_plugin_query", "no such symbol")) return nullptr;
  memcpy(&library->query_, &symbol, sizeof symbol);
  run.phase("query");
  const rlx_query_in in = usual_query();
  library->answer_ = roomy<rlx_query_out>();
  auto error = roomy<rlx_error>();
  const std::int32_t status = library->query_(&in, &library->answer_, &error);
  if (!run.status("rlx_plugin_query", status, RLX_STATUS_OK, error.message)) return nullptr;
  if (!run.expect(library->answer_.get_interface != nullptr, "rlx_plugin_query hands out get_interface", "null")) return nullptr;
  run.phase("get_interface");
  library->tables_ = tables_of(library->answer_);
  return library;
}

bool Library::unload() {
  if (!handle_) return false;
  return dlclose(std::exchange(handle_, nullptr)) == 0;
}

std::unique_ptr<Session> Session::open(Run& run, const rlx_host* host) {
  if (!run.facts().usable()) {
    run.skip(run.facts().device_count ? "the survey could not open device 0" : "the plugin has no device here");
    return nullptr;
  }
  std::shared_ptr<Library> library = Library::load(run);
  return library ? open(run, std::move(library), host) : nullptr;
}

std::unique_ptr<Session> Session::open(Run& run, std::shared_ptr<Library> library, const rlx_host* host) {
  std::unique_ptr<Session> session(new Session(run));
  session->library_ = std::move(library);
  const Tables& tables = session->tables();
  if (!run.expect(tables.plugin && tables.device && tables.buffer && tables.params && tables.compile && tables.execute,
                  "every required interface is there", "one is null"))
    return nullptr;
  run.phase("plugin.open");
  rlx_open_in open = sized<rlx_open_in>();
  open.host = host;
  open.abi_minor = session->library_->answer().abi_minor;
  auto opened = roomy<rlx_open_out>();
  auto error = roomy<rlx_error>();
  if (!run.status("plugin.open", tables.plugin->open(&open, &opened, &error), RLX_STATUS_OK, error.message)) return nullptr;
  session->instance_ = opened.plugin;
  run.phase("device.open");
  const rlx_device_open_in in = sized<rlx_device_open_in>();
  auto out = roomy<rlx_device_open_out>();
  error = roomy<rlx_error>();
  if (!run.status("device.open", tables.device->open(session->instance_, &in, &out, &error), RLX_STATUS_OK, error.message))
    return nullptr;
  session->device_ = out.device;
  return session;
}

void Session::close() {
  if (device_) {
    run_.phase("device.close");
    tables().device->close(std::exchange(device_, nullptr));
  }
  if (instance_) {
    run_.phase("plugin.close");
    tables().plugin->close(std::exchange(instance_, nullptr));
  }
}

Session::~Session() { close(); }

}  // namespace rlx::conform
