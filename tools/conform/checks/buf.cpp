// SPDX-License-Identifier: Apache-2.0
// BUF: memory of a device and how bytes get there and back.
#include <cstring>

#include "tools/conform/checks/groups.h"
#include "tools/conform/worker/model.h"

namespace rlx::conform {
namespace {

std::vector<std::string> one_device_case(const Facts& facts, Profile) {
  return facts.usable() ? std::vector<std::string>{"all"} : std::vector<std::string>{};
}

std::vector<std::string> alloc_cases(const Facts& facts, Profile) {
  return facts.usable() ? std::vector<std::string>{"device", "pinned"} : std::vector<std::string>{};
}

/// A buffer, or null with the status kept.
struct Allocated {
  rlx_buffer* buffer = nullptr;
  void* host = nullptr;
  std::int32_t status = 0;
};

Allocated allocate(Session& session, std::uint64_t bytes, std::uint32_t alignment = 0, std::uint32_t space = RLX_SPACE_DEVICE) {
  rlx_alloc_in in = sized<rlx_alloc_in>();
  in.bytes = bytes;
  in.alignment = alignment;
  in.space = space;
  auto out = roomy<rlx_alloc_out>();
  session.run().phase("buffer.alloc");
  Allocated made;
  made.status = session.tables().buffer->alloc(session.device(), &in, &out, nullptr);
  made.buffer = out.buffer;
  made.host = out.host;
  return made;
}

void release(Session& session, rlx_buffer* buffer) {
  session.run().phase("buffer.free");
  session.tables().buffer->free(buffer);
}

std::int32_t write(Session& session, rlx_buffer* buffer, std::uint64_t offset, const void* bytes, std::uint64_t count) {
  rlx_transfer_in in = sized<rlx_transfer_in>();
  in.offset = offset;
  in.bytes = count;
  in.host = const_cast<void*>(bytes);
  session.run().phase("buffer.write");
  return session.tables().buffer->write(buffer, &in, nullptr, nullptr);
}

std::int32_t read(Session& session, rlx_buffer* buffer, std::uint64_t offset, void* bytes, std::uint64_t count) {
  rlx_transfer_in in = sized<rlx_transfer_in>();
  in.offset = offset;
  in.bytes = count;
  in.host = bytes;
  session.run().phase("buffer.read");
  return session.tables().buffer->read(buffer, &in, nullptr, nullptr);
}

std::uint64_t used(Session& session) {
  auto out = roomy<rlx_memory_stats_out>();
  if (!session.tables().device->memory_stats) return 0;
  session.run().phase("memory_stats");
  return session.tables().device->memory_stats(session.device(), nullptr, &out, nullptr) == RLX_STATUS_OK ? out.used_bytes : 0;
}

std::string pattern(std::uint64_t seed, std::size_t bytes) {
  std::string out(bytes, '\0');
  Random random(seed);
  for (char& c : out) c = static_cast<char>(random.next());
  return out;
}

void buf_alloc(Run& run) {
  const auto session = Session::open(run);
  if (!session) return;
  const std::uint32_t space = run.key() == "pinned" ? RLX_SPACE_HOST_PINNED : RLX_SPACE_DEVICE;
  if (space && allocate(*session, 64, 0, space).status == RLX_STATUS_UNSUPPORTED) return run.unsupported("no pinned memory");
  const std::uint64_t before = used(*session);
  for (const std::uint64_t bytes : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{63}, std::uint64_t{4096}, std::uint64_t{1} << 20})
    for (const std::uint32_t alignment : {0u, 1u, 8u, 64u, 4096u}) {
      const Allocated made = allocate(*session, bytes, alignment, space);
      if (!run.status(text("an alloc of %llu bytes, alignment %u", static_cast<unsigned long long>(bytes), alignment), made.status, RLX_STATUS_OK)) continue;
      run.expect(made.buffer != nullptr, "a buffer is handed out", "null");
      if (made.host && bytes) {
        const auto address = reinterpret_cast<std::uintptr_t>(made.host);
        run.expect(alignment < 2 || address % alignment == 0, text("its host address is aligned to %u", alignment), text("%p", made.host));
        memset(made.host, 0x31, bytes);
      }
      release(*session, made.buffer);
    }
  run.equal("used_bytes after all are freed", used(*session), before);
}

void buf_transfer(Run& run) {
  const auto session = Session::open(run);
  if (!session) return;
  constexpr std::size_t kBytes = 1021;
  const Allocated a = allocate(*session, kBytes), b = allocate(*session, kBytes);
  if (!run.expect(a.buffer && b.buffer, "two buffers can be made", "not")) return;
  std::string model = pattern(run.seed(), kBytes), other = pattern(run.seed() + 1, kBytes);
  run.status("write", write(*session, a.buffer, 0, model.data(), kBytes), RLX_STATUS_OK);
  run.status("write", write(*session, b.buffer, 0, other.data(), kBytes), RLX_STATUS_OK);
  Random random(run.seed() + 2);
  for (int round = 0; round < 60; ++round) {
    const std::uint64_t from = random.below(kBytes), to = random.below(kBytes), count = random.below(kBytes - std::max(from, to) + 1);
    if (round % 2) {
      const std::string bytes = pattern(random.next(), count);
      run.status("write at an odd place", write(*session, a.buffer, to, bytes.data(), count), RLX_STATUS_OK);
      model.replace(to, count, bytes);
    } else {
      rlx_copy_in in = sized<rlx_copy_in>();
      in.source = b.buffer;
      in.source_offset = from;
      in.offset = to;
      in.bytes = count;
      run.phase("buffer.copy");
      run.status("copy between odd places", session->tables().buffer->copy(a.buffer, &in, nullptr, nullptr), RLX_STATUS_OK);
      model.replace(to, count, other.substr(from, count));
    }
    Guarded seen(kBytes);
    run.status("read", read(*session, a.buffer, 0, seen.data(), kBytes), RLX_STATUS_OK);
    if (!run.same_bytes("the buffer", seen.data(), model.data(), kBytes)) break;
  }
  for (const auto& [offset, bytes] : {std::pair<std::uint64_t, std::uint64_t>{kBytes, 1}, {kBytes + 1, 0}, {0, kBytes + 1}, {UINT64_MAX, 2}, {4, UINT64_MAX}}) {
    run.status("a write past the end", write(*session, a.buffer, offset, model.data(), bytes), RLX_STATUS_INVALID_ARGUMENT);
    run.status("a read past the end", read(*session, a.buffer, offset, other.data(), bytes), RLX_STATUS_INVALID_ARGUMENT);
  }
  run.status("nothing, at the end", write(*session, a.buffer, kBytes, nullptr, 0), RLX_STATUS_OK);
  release(*session, a.buffer);
  release(*session, b.buffer);
}

// ---- BUF-03

void buf_as_source(Run& run);

std::vector<std::string> role_cases(const Facts& facts, Profile) {
  return facts.usable() ? std::vector<std::string>{"tensor", "source"} : std::vector<std::string>{};
}

void buf_as_tensor(Run& run) {
  if (run.key() == "source") return buf_as_source(run);
  const auto session = Session::open(run);
  if (!session) return;
  auto model = runnable(*session);
  if (!model || !model->all(5)) return;
  const std::string right = model->outputs();
  model->fill(5);
  const std::uint64_t step = run.facts().min_alignment ? run.facts().min_alignment : 64;
  const std::uint64_t in_bytes = model->info().inputs[0].bytes, out_bytes = model->info().outputs[0].bytes;
  const Allocated in = allocate(*session, step + in_bytes), out = allocate(*session, step + out_bytes);
  if (!run.expect(in.buffer && out.buffer, "two buffers can be made", "not")) return;
  run.status("write", write(*session, in.buffer, step, model->input_memory(0).data(), in_bytes), RLX_STATUS_OK);
  model->inputs()[0].host = nullptr;
  model->inputs()[0].buffer = in.buffer;
  model->inputs()[0].offset = step;
  if (!model->run(0)) return;
  run.same_bytes("outputs with an input in a buffer", model->outputs().data(), right.data(), right.size());
  rlx_view& target = model->output_views()[0];
  target.host = nullptr;
  target.buffer = out.buffer;
  target.offset = step;
  if (!model->run(0)) return;
  std::string seen(out_bytes, '\0');
  run.status("read", read(*session, out.buffer, step, seen.data(), out_bytes), RLX_STATUS_OK);
  run.same_bytes("an output in a buffer", seen.data(), right.data(), std::min(right.size(), seen.size()));
  model.reset();
  release(*session, in.buffer);
  release(*session, out.buffer);
}

/// A param whose source is a buffer gives what one on the host gives.
void buf_as_source(Run& run) {
  const auto session = Session::open(run);
  if (!session) return;
  auto model = runnable(*session, {"param_f32"});
  if (!model || !model->all(5)) return;
  const std::string right = model->outputs();
  const TensorInfo& param = model->info().params[0];
  std::string bytes(param.bytes, '\0');
  fill_exact(param, 77 + param.set_index, reinterpret_cast<unsigned char*>(bytes.data()));
  const std::uint64_t step = run.facts().min_alignment ? run.facts().min_alignment : 64;
  const Allocated source = allocate(*session, step + param.bytes);
  if (!run.expect(source.buffer != nullptr, "a buffer can be made", "not")) return;
  run.status("write", write(*session, source.buffer, step, bytes.data(), bytes.size()), RLX_STATUS_OK);
  const rlx_params_1* params = session->tables().params;
  rlx_params_create_in create = sized<rlx_params_create_in>();
  create.count = 1;
  auto created = roomy<rlx_params_create_out>();
  run.phase("params.create");
  if (!run.status("params.create", params->create(session->device(), &create, &created, nullptr), RLX_STATUS_OK)) return;
  rlx_put_in put = sized<rlx_put_in>();
  put.dtype = param.dtype;
  put.rank = static_cast<std::uint32_t>(param.dims.size());
  put.dims = param.dims.data();
  put.buffer = source.buffer;
  put.buffer_offset = step;
  put.bytes = param.bytes;
  run.phase("params.put");
  run.status("a put from a buffer", params->put(created.set, &put, nullptr, nullptr), RLX_STATUS_OK);
  run.status("seal", params->seal(created.set, nullptr, nullptr, nullptr), RLX_STATUS_OK);
  rlx_prepare_in prepare = sized<rlx_prepare_in>();
  prepare.executable = model->executable();
  auto prepared = roomy<rlx_prepare_out>();
  run.phase("params.prepare");
  run.status("prepare", params->prepare(created.set, &prepare, &prepared, nullptr), RLX_STATUS_OK);
  model->fill(5);
  rlx_execute_in in = model->execute_in();
  in.params = created.set;
  run.phase("execute");
  run.status("a run with params from a buffer", session->tables().execute->execute(model->context(), &in, nullptr, nullptr), RLX_STATUS_OK);
  run.same_bytes("outputs with params from a buffer", model->outputs().data(), right.data(), right.size());
  run.phase("params.destroy");
  params->destroy(created.set);
  release(*session, source.buffer);
}

void buf_import(Run& run) {
  const auto session = Session::open(run);
  if (!session) return;
  if (!session->tables().buffer->import_host) return run.unsupported("no import_host");
  Guarded memory(1000, 8);
  const std::string first = pattern(run.seed(), 1000), second = pattern(run.seed() + 1, 1000);
  memcpy(memory.data(), first.data(), 1000);
  rlx_import_host_in in = sized<rlx_import_host_in>();
  in.host = memory.data();
  in.bytes = 1000;
  auto out = roomy<rlx_alloc_out>();
  run.phase("buffer.import_host");
  const std::int32_t status = session->tables().buffer->import_host(session->device(), &in, &out, nullptr);
  if (status == RLX_STATUS_UNSUPPORTED) return run.unsupported("import_host refuses plain memory");
  if (!run.status("import_host", status, RLX_STATUS_OK)) return;
  std::string seen(1000, '\0');
  run.status("read", read(*session, out.buffer, 0, seen.data(), 1000), RLX_STATUS_OK);
  run.same_bytes("what the host wrote before", seen.data(), first.data(), 1000);
  run.status("write", write(*session, out.buffer, 0, second.data(), 1000), RLX_STATUS_OK);
  run.same_bytes("what the device wrote", memory.data(), second.data(), 1000);
  memcpy(memory.data(), first.data(), 1000);
  run.status("read", read(*session, out.buffer, 0, seen.data(), 1000), RLX_STATUS_OK);
  run.same_bytes("what the host wrote after", seen.data(), first.data(), 1000);
  run.status("a write past the end", write(*session, out.buffer, 999, first.data(), 2), RLX_STATUS_INVALID_ARGUMENT);
  release(*session, out.buffer);
  run.expect(memory.intact() && memory.data()[999] == static_cast<unsigned char>(first[999]), "the memory stays the host's", "it has changed");
}

constexpr Check kChecks[] = {
    {"BUF-01", 2, "Memory can be had in every space, of every size and alignment, 0 bytes too, and counters return.", 50, alloc_cases, buf_alloc},
    {"BUF-02", 2, "Bytes are written, read and copied at odd offsets and lengths; past the end is refused.", 150, one_device_case, buf_transfer},
    {"BUF-03", 2, "A buffer with an offset serves as input, output and source of a param as host memory does.", 8, role_cases, buf_as_tensor},
    {"BUF-04", 2, "Imported memory is one memory, seen from both sides.", 6, one_device_case, buf_import},
};

}  // namespace

std::span<const Check> buf_checks() { return kChecks; }

}  // namespace rlx::conform
