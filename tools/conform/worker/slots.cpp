// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/worker/slots.h"

#include <rlx/ext/artifact.h>
#include <rlx/ext/draft/packs.h>
#include <rlx/ext/profile.h>

#include <cstring>

namespace rlx::conform {
namespace {

template <class Struct>
Struct& as(void* in) {
  memset(in, 0, sizeof(Struct));
  auto& made = *static_cast<Struct*>(in);
  made.struct_size = sizeof(Struct);
  return made;
}

template <class Struct>
const Struct& read(const void* out) {
  return *static_cast<const Struct*>(out);
}

void drop(void* user) {
  if (user) ++*static_cast<int*>(user);
}
bool nothing(Bench&, void*) { return true; }
void leave_it(Bench&, const void*) {}

// ---- rlx.plugin/1

bool open_ready(Bench& bench, void* in) {
  as<rlx_open_in>(in).abi_minor = bench.session->library().answer().abi_minor;
  return true;
}
std::int32_t open_call(Bench& bench, const void* in, void* out, rlx_error* error) {
  return bench.tables().plugin->open(static_cast<const rlx_open_in*>(in), static_cast<rlx_open_out*>(out), error);
}
void open_done(Bench& bench, const void* out) {
  if (out) bench.tables().plugin->close(read<rlx_open_out>(out).plugin);
}
std::int32_t device_count_call(Bench& bench, const void* in, void* out, rlx_error* error) {
  return bench.tables().plugin->device_count(bench.object(bench.session->instance()), in, static_cast<rlx_device_count_out*>(out), error);
}
bool device_info_ready(Bench&, void* in) { return as<rlx_device_info_in>(in).ordinal == 0; }
std::int32_t device_info_call(Bench& bench, const void* in, void* out, rlx_error* error) {
  return bench.tables().plugin->device_info(bench.object(bench.session->instance()), static_cast<const rlx_device_info_in*>(in),
                                            static_cast<rlx_device_info_out*>(out), error);
}
bool options_ready(Bench& bench, void*) { return bench.tables().plugin->describe_options != nullptr; }
std::int32_t options_call(Bench& bench, const void* in, void* out, rlx_error* error) {
  return bench.tables().plugin->describe_options(bench.object(bench.session->instance()), in, static_cast<rlx_describe_options_out*>(out), error);
}

// ---- rlx.device/1

bool device_open_ready(Bench&, void* in) { return as<rlx_device_open_in>(in).ordinal == 0; }
std::int32_t device_open_call(Bench& bench, const void* in, void* out, rlx_error* error) {
  return bench.tables().device->open(bench.object(bench.session->instance()), static_cast<const rlx_device_open_in*>(in),
                                     static_cast<rlx_device_open_out*>(out), error);
}
void device_open_done(Bench& bench, const void* out) {
  if (out) bench.tables().device->close(read<rlx_device_open_out>(out).device);
}
bool stats_ready(Bench& bench, void*) { return bench.tables().device->memory_stats != nullptr; }
std::int32_t stats_call(Bench& bench, const void* in, void* out, rlx_error* error) {
  return bench.tables().device->memory_stats(bench.object(bench.session->device()), in, static_cast<rlx_memory_stats_out*>(out), error);
}
std::int32_t fingerprint_call(Bench& bench, const void* in, void* out, rlx_error* error) {
  return bench.tables().device->fingerprint(bench.object(bench.session->device()), in, static_cast<rlx_fingerprint_out*>(out), error);
}

// ---- rlx.buffer/1

bool alloc_ready(Bench&, void* in) {
  as<rlx_alloc_in>(in).bytes = 64;
  return true;
}
std::int32_t alloc_call(Bench& bench, const void* in, void* out, rlx_error* error) {
  return bench.tables().buffer->alloc(bench.object(bench.session->device()), static_cast<const rlx_alloc_in*>(in), static_cast<rlx_alloc_out*>(out), error);
}
void alloc_done(Bench& bench, const void* out) {
  if (out) bench.tables().buffer->free(read<rlx_alloc_out>(out).buffer);
}
bool transfer_ready(Bench& bench, void* in) {
  auto& made = as<rlx_transfer_in>(in);
  made.bytes = 64;
  made.host = bench.host.data();
  return true;
}
std::int32_t write_call(Bench& bench, const void* in, void* out, rlx_error* error) {
  return bench.tables().buffer->write(bench.object(bench.buffer), static_cast<const rlx_transfer_in*>(in), out, error);
}
std::int32_t read_call(Bench& bench, const void* in, void* out, rlx_error* error) {
  return bench.tables().buffer->read(bench.object(bench.buffer), static_cast<const rlx_transfer_in*>(in), out, error);
}
bool copy_ready(Bench& bench, void* in) {
  auto& made = as<rlx_copy_in>(in);
  made.source = bench.other;
  made.bytes = 64;
  return true;
}
std::int32_t copy_call(Bench& bench, const void* in, void* out, rlx_error* error) {
  return bench.tables().buffer->copy(bench.object(bench.buffer), static_cast<const rlx_copy_in*>(in), out, error);
}
bool import_ready(Bench& bench, void* in) {
  auto& made = as<rlx_import_host_in>(in);
  made.host = bench.host.data();
  made.bytes = 64;
  return bench.tables().buffer->import_host != nullptr;
}
std::int32_t import_call(Bench& bench, const void* in, void* out, rlx_error* error) {
  return bench.tables().buffer->import_host(bench.object(bench.session->device()), static_cast<const rlx_import_host_in*>(in),
                                            static_cast<rlx_alloc_out*>(out), error);
}

// ---- rlx.compile/1

std::int32_t claims_call(Bench& bench, const void* in, void* out, rlx_error* error) {
  return bench.tables().compile->claims(bench.object(bench.session->device()), in, static_cast<rlx_claims_out*>(out), error);
}
bool support_ready(Bench& bench, void* in) {
  auto& made = as<rlx_query_support_in>(in);
  bench.verdicts.assign(bench.model->info().ops, {});
  made.image = bench.model->image().data();
  made.image_bytes = bench.model->image().size();
  made.verdict_stride = sizeof(rlx_verdict);
  made.verdicts = bench.verdicts.data();
  made.verdict_count = bench.verdicts.size();
  return true;
}
std::int32_t support_call(Bench& bench, const void* in, void* out, rlx_error* error) {
  return bench.tables().compile->query_support(bench.object(bench.session->device()), static_cast<const rlx_query_support_in*>(in),
                                               static_cast<rlx_query_support_out*>(out), error);
}
bool compile_ready(Bench& bench, void* in) {
  auto& made = as<rlx_compile_in>(in);
  made.image = bench.model->image().data();
  made.image_bytes = bench.model->image().size();
  return true;
}
std::int32_t compile_call(Bench& bench, const void* in, void* out, rlx_error* error) {
  return bench.tables().compile->compile_lir(bench.object(bench.session->device()), static_cast<const rlx_compile_in*>(in),
                                             static_cast<rlx_compile_out*>(out), error);
}
void compile_done(Bench& bench, const void* out) {
  if (out) bench.tables().compile->executable_destroy(read<rlx_compile_out>(out).executable);
}
std::int32_t executable_info_call(Bench& bench, const void* in, void* out, rlx_error* error) {
  return bench.tables().compile->executable_info(bench.object(bench.model->executable()), in, static_cast<rlx_executable_info_out*>(out), error);
}

// ---- rlx.params/1

bool new_set(Bench& bench) {
  rlx_params_create_in in = sized<rlx_params_create_in>();
  in.count = 1;
  auto out = roomy<rlx_params_create_out>();
  const std::int32_t status = bench.tables().params->create(bench.session->device(), &in, &out, nullptr);
  bench.set = status == RLX_STATUS_OK ? out.set : nullptr;
  return bench.run().status("params.create", status, RLX_STATUS_OK);
}
void fill_put(Bench& bench, void* in) {
  auto& made = as<rlx_put_in>(in);
  made.dtype = RLX_DTYPE_F32;
  made.rank = 2;
  made.dims = bench.dims;
  made.host = bench.values;
  made.bytes = sizeof bench.values;
  made.drop = drop;
  made.drop_user = &bench.drops;
}
void set_done(Bench& bench, const void*) {
  if (bench.set) bench.tables().params->destroy(std::exchange(bench.set, nullptr));
}
bool create_ready(Bench&, void* in) {
  as<rlx_params_create_in>(in).count = 1;
  return true;
}
std::int32_t create_call(Bench& bench, const void* in, void* out, rlx_error* error) {
  return bench.tables().params->create(bench.object(bench.session->device()), static_cast<const rlx_params_create_in*>(in),
                                       static_cast<rlx_params_create_out*>(out), error);
}
void create_done(Bench& bench, const void* out) {
  if (out) bench.tables().params->destroy(read<rlx_params_create_out>(out).set);
}
bool put_ready(Bench& bench, void* in) {
  fill_put(bench, in);
  return new_set(bench);
}
std::int32_t put_call(Bench& bench, const void* in, void* out, rlx_error* error) {
  return bench.tables().params->put(bench.object(bench.set), static_cast<const rlx_put_in*>(in), out, error);
}
bool seal_ready(Bench& bench, void*) {
  rlx_put_in put;
  fill_put(bench, &put);
  return new_set(bench) && bench.run().status("params.put", bench.tables().params->put(bench.set, &put, nullptr, nullptr), RLX_STATUS_OK);
}
std::int32_t seal_call(Bench& bench, const void* in, void* out, rlx_error* error) {
  return bench.tables().params->seal(bench.object(bench.set), in, out, error);
}
bool sealed_set(Bench& bench) {
  return seal_ready(bench, nullptr) && bench.run().status("params.seal", seal_call(bench, nullptr, nullptr, nullptr), RLX_STATUS_OK);
}
bool prepare_ready(Bench& bench, void* in) {
  as<rlx_prepare_in>(in).executable = bench.model->executable();
  return sealed_set(bench);
}
std::int32_t prepare_call(Bench& bench, const void* in, void* out, rlx_error* error) {
  return bench.tables().params->prepare(bench.object(bench.set), static_cast<const rlx_prepare_in*>(in), static_cast<rlx_prepare_out*>(out), error);
}
bool usage_ready(Bench& bench, void*) { return sealed_set(bench); }
std::int32_t usage_call(Bench& bench, const void* in, void* out, rlx_error* error) {
  return bench.tables().params->usage(bench.object(bench.set), in, static_cast<rlx_usage_out*>(out), error);
}

// ---- rlx.execute/1

bool context_ready(Bench& bench, void* in) {
  auto& made = as<rlx_context_create_in>(in);
  made.arenas = bench.model->arenas().data();
  made.arena_count = static_cast<std::uint32_t>(bench.model->arenas().size());
  made.arena_stride = sizeof(rlx_arena);
  return true;
}
std::int32_t context_call(Bench& bench, const void* in, void* out, rlx_error* error) {
  return bench.tables().execute->context_create(bench.object(bench.model->executable()), static_cast<const rlx_context_create_in*>(in),
                                                static_cast<rlx_context_create_out*>(out), error);
}
void context_done(Bench& bench, const void* out) {
  if (out) bench.tables().execute->context_destroy(read<rlx_context_create_out>(out).context);
}
bool execute_ready(Bench& bench, void* in) {
  bench.model->fill(1);
  const rlx_execute_in made = bench.model->execute_in();
  memcpy(in, &made, sizeof made);
  return true;
}
std::int32_t execute_call(Bench& bench, const void* in, void* out, rlx_error* error) {
  return bench.tables().execute->execute(bench.object(bench.model->context()), static_cast<const rlx_execute_in*>(in), out, error);
}

// ---- rlx.profile/1

const rlx_profile_1* profile(Bench& bench) { return static_cast<const rlx_profile_1*>(bench.tables().of(RLX_INTERFACE_PROFILE_1)); }

bool profile_ready(Bench& bench, void* in) {
  static thread_local rlx_execute_in run;  // as long as the call that reads it
  bench.model->fill(1);
  run = bench.model->execute_in();
  as<rlx_profile_execute_in>(in).execute = &run;
  return profile(bench) != nullptr;
}
std::int32_t profile_call(Bench& bench, const void* in, void* out, rlx_error* error) {
  return profile(bench)->execute(bench.object(bench.model->context()), static_cast<const rlx_profile_execute_in*>(in),
                                 static_cast<rlx_profile_execute_out*>(out), error);
}

// ---- rlx.packs/1 and rlx.artifact/1

const rlx_artifact_1* artifacts(Bench& bench) { return static_cast<const rlx_artifact_1*>(bench.tables().of(RLX_INTERFACE_ARTIFACT_1)); }
const rlx_packs_1* packs(Bench& bench) { return static_cast<const rlx_packs_1*>(bench.tables().of(RLX_INTERFACE_PACKS_1)); }

std::int32_t keep_piece(void* user, const void* bytes, std::uint64_t size) {
  if (user) static_cast<std::string*>(user)->append(static_cast<const char*>(bytes), size);
  return 0;
}
bool export_ready(Bench& bench, void* in) {
  auto& made = as<rlx_artifact_export_in>(in);
  bench.artifact.clear();
  bench.artifact.reserve(std::size_t{1} << 20);  // the sink itself asks for no memory while allocations fail
  made.executable = bench.model->executable();
  made.write = keep_piece;
  made.user = &bench.artifact;
  return artifacts(bench) != nullptr;
}
std::int32_t export_call(Bench& bench, const void* in, void* out, rlx_error* error) {
  return artifacts(bench)->export_code(bench.object(bench.session->device()), static_cast<const rlx_artifact_export_in*>(in),
                                       static_cast<rlx_artifact_export_out*>(out), error);
}
/// An artifact of the model; false where there is none worth keeping.
bool exported(Bench& bench) {
  rlx_artifact_export_in in;
  auto out = roomy<rlx_artifact_export_out>();
  if (!export_ready(bench, &in) || export_call(bench, &in, &out, nullptr) != RLX_STATUS_OK || !out.bytes) return false;
  bench.compat_size = out.compat_size;
  memcpy(bench.compat, out.compat, sizeof bench.compat);
  return bench.artifact.size() == out.bytes;
}
bool import_code_ready(Bench& bench, void* in) {
  auto& made = as<rlx_artifact_import_in>(in);
  if (!exported(bench)) return false;
  static Guarded* memory = nullptr;  // outlives the executable that reads it, and serves the next
  if (!memory || memory->size() != bench.artifact.size()) memory = new Guarded(bench.artifact.size(), 64);
  memcpy(memory->data(), bench.artifact.data(), bench.artifact.size());
  made.image = bench.model->image().data();
  made.image_bytes = bench.model->image().size();
  made.artifact = memory->data();
  made.artifact_bytes = bench.artifact.size();
  made.drop = drop;
  made.drop_user = &bench.drops;
  return true;
}
std::int32_t import_code_call(Bench& bench, const void* in, void* out, rlx_error* error) {
  return artifacts(bench)->import_code(bench.object(bench.session->device()), static_cast<const rlx_artifact_import_in*>(in),
                                       static_cast<rlx_compile_out*>(out), error);
}
bool check_ready(Bench& bench, void* in) {
  auto& made = as<rlx_artifact_check_in>(in);
  if (!exported(bench)) return false;
  made.compat = bench.compat;
  made.compat_size = bench.compat_size;
  return true;
}
std::int32_t check_call(Bench& bench, const void* in, void* out, rlx_error* error) {
  return artifacts(bench)->check(bench.object(bench.session->instance()), static_cast<const rlx_artifact_check_in*>(in),
                                 static_cast<rlx_artifact_check_out*>(out), error);
}
bool list_ready(Bench& bench, void* in) {
  auto& made = as<rlx_packs_list_in>(in);
  made.executable = bench.model->executable();
  made.stride = sizeof(rlx_pack);
  return packs(bench) && bench.model->set();
}
std::int32_t list_call(Bench& bench, const void* in, void* out, rlx_error* error) {
  return packs(bench)->list(bench.object(bench.model->set()), static_cast<const rlx_packs_list_in*>(in), static_cast<rlx_packs_list_out*>(out), error);
}
bool offer_ready(Bench& bench, void* in) {
  auto& made = as<rlx_packs_offer_in>(in);
  made.drop = drop;
  made.drop_user = &bench.drops;
  made.stride = sizeof(rlx_pack);
  return packs(bench) && new_set(bench);
}
std::int32_t offer_call(Bench& bench, const void* in, void* out, rlx_error* error) {
  return packs(bench)->offer(bench.object(bench.set), static_cast<const rlx_packs_offer_in*>(in), out, error);
}

constexpr SlotDriver kDrivers[] = {
    {"rlx.plugin/1.open", open_ready, open_call, open_done, false},
    {"rlx.plugin/1.device_count", nothing, device_count_call, leave_it, false},
    {"rlx.plugin/1.device_info", device_info_ready, device_info_call, leave_it, true},
    {"rlx.plugin/1.describe_options", options_ready, options_call, leave_it, false},
    {"rlx.device/1.open", device_open_ready, device_open_call, device_open_done, false},
    {"rlx.device/1.memory_stats", stats_ready, stats_call, leave_it, true},
    {"rlx.device/1.fingerprint", nothing, fingerprint_call, leave_it, false},
    {"rlx.buffer/1.alloc", alloc_ready, alloc_call, alloc_done, false},
    {"rlx.buffer/1.write", transfer_ready, write_call, leave_it, false},
    {"rlx.buffer/1.read", transfer_ready, read_call, leave_it, false},
    {"rlx.buffer/1.copy", copy_ready, copy_call, leave_it, false},
    {"rlx.buffer/1.import_host", import_ready, import_call, alloc_done, false},
    {"rlx.compile/1.claims", nothing, claims_call, leave_it, false},
    {"rlx.compile/1.query_support", support_ready, support_call, leave_it, false},
    {"rlx.compile/1.compile_lir", compile_ready, compile_call, compile_done, false},
    {"rlx.compile/1.executable_info", nothing, executable_info_call, leave_it, false},
    {"rlx.params/1.create", create_ready, create_call, create_done, false},
    {"rlx.params/1.put", put_ready, put_call, set_done, false},
    {"rlx.params/1.seal", seal_ready, seal_call, set_done, false},
    {"rlx.params/1.prepare", prepare_ready, prepare_call, set_done, false},
    {"rlx.params/1.usage", usage_ready, usage_call, set_done, false},
    {"rlx.execute/1.context_create", context_ready, context_call, context_done, false},
    {"rlx.execute/1.execute", execute_ready, execute_call, leave_it, false},
    {"rlx.profile/1.execute", profile_ready, profile_call, leave_it, false},
    {"rlx.packs/1.list", list_ready, list_call, leave_it, false},
    {"rlx.packs/1.offer", offer_ready, offer_call, set_done, false},
    {"rlx.artifact/1.export_code", export_ready, export_call, leave_it, false},
    {"rlx.artifact/1.import_code", import_code_ready, import_code_call, compile_done, false},
    {"rlx.artifact/1.check", check_ready, check_call, leave_it, false},
};

rlx_buffer* small_buffer(Session& session) {
  rlx_alloc_in in = sized<rlx_alloc_in>();
  in.bytes = 64;
  auto out = roomy<rlx_alloc_out>();
  auto error = roomy<rlx_error>();
  session.run().phase("buffer.alloc");
  const std::int32_t status = session.tables().buffer->alloc(session.device(), &in, &out, &error);
  return session.run().status("buffer.alloc", status, RLX_STATUS_OK, error.message) ? out.buffer : nullptr;
}

}  // namespace

std::span<const SlotDriver> slot_drivers() { return kDrivers; }

const SlotDriver* slot_driver(const std::string& slot) {
  for (const SlotDriver& driver : kDrivers)
    if (slot == driver.slot) return &driver;
  return nullptr;
}

std::string slot_name(const SlotRow& row) { return std::string(row.interface) + "." + std::string(row.name); }

const SlotRow* slot_row(const std::string& slot) {
  for (const SlotRow& row : slot_rows())
    if (slot_name(row) == slot) return &row;
  return nullptr;
}

std::vector<std::string> slots_without_driver() {
  std::vector<std::string> out;
  for (const SlotRow& row : slot_rows())
    if (row.fallible && !slot_driver(slot_name(row))) out.push_back(slot_name(row));
  return out;
}

std::unique_ptr<Bench> Bench::open(Run& run, const rlx_host* host) {
  std::unique_ptr<Bench> bench(new Bench);
  return bench->make(run, host) ? std::move(bench) : nullptr;
}

bool Bench::make(Run& run, const rlx_host* services) {
  session = Session::open(run, services);
  if (!session) return false;
  model = runnable(*session, {"param_f32", "add_f32", "copy_f32"});
  if (!model || !model->compile() || !model->prepare() || !model->make_context()) return false;
  host.fill(0x5A);
  buffer = small_buffer(*session);
  other = small_buffer(*session);
  return buffer && other;
}

Bench::~Bench() {
  if (!session) return;
  session->run().phase("close");
  if (set) tables().params->destroy(set);
  if (buffer) tables().buffer->free(buffer);
  if (other) tables().buffer->free(other);
  model.reset();
}

}  // namespace rlx::conform
