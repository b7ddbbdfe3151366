// SPDX-License-Identifier: Apache-2.0
// ERR: errors say what happened, reach as far as they say, and leave everything usable.
#include <rlx/ext/artifact.h>

#include <algorithm>
#include <cstring>

#include "tools/conform/checks/calls.h"
#include "tools/conform/checks/groups.h"
#include "tools/conform/worker/host.h"
#include "tools/conform/worker/process_state.h"
#include "tools/conform/worker/watch.h"

namespace rlx::conform {
namespace {

std::vector<std::string> one_device_case(const Facts& facts, Profile) {
  return facts.usable() ? std::vector<std::string>{"all"} : std::vector<std::string>{};
}

/// Statuses with which the same call may succeed later, as the registry says.
bool retry_helps(std::int32_t status) {
  return status == RLX_STATUS_OUT_OF_MEMORY || status == RLX_STATUS_RESOURCE_EXHAUSTED || status == RLX_STATUS_CANCELLED ||
         status == RLX_STATUS_DEADLINE || status == RLX_STATUS_IO;
}

void err_table(Run& run) {
  const auto bench = Bench::open(run);
  if (!bench) return;
  for (const BadCall& bad : bad_calls(*bench)) {
    auto error = roomy<rlx_error>();
    run.phase(bad.name.c_str());
    const std::int32_t status = bad.call(&error);
    if (!run.status(bad.name, status, bad.wanted, error.message)) continue;
    run.equal("error.status of " + bad.name, static_cast<std::uint64_t>(error.status), static_cast<std::uint64_t>(status));
    run.equal("error.retryable of " + bad.name, error.retryable, retry_helps(status));
    run.equal("error.scope of " + bad.name, error.scope, RLX_SCOPE_CALL);
    run.equal("error.reserved of " + bad.name, error.reserved, 0);
    run.equal("error.struct_size of " + bad.name, error.struct_size, sizeof(rlx_error));
    run.status(bad.name + " without an error record", bad.call(nullptr), bad.wanted);
  }
}

// ---- ERR-02

void check_message(Run& run, const std::string& name, const rlx_error& error) {
  const std::size_t size = strnlen(error.message, sizeof error.message);
  if (!run.expect(size < sizeof error.message, name + ": the message ends in NUL", "no NUL in 512 bytes")) return;
  const std::string message(error.message, size);
  run.expect(size > 0, name + ": there is a message", "nothing");
  run.expect(is_utf8(message), name + ": the message is UTF-8", message);
}

/// Names of 700 bytes, so that the message must be cut; at every offset within a character.
void long_names(Run& run, Bench& bench) {
  for (std::size_t shift = 0; shift < 4; ++shift) {
    std::string key(shift, 'k');
    while (key.size() < 700) key += "\xe2\x82\xac";  // a euro sign
    const rlx_option option = {{key.data(), key.size()}, text_of("1")};
    rlx_open_in in = sized<rlx_open_in>();
    in.options = &option;
    in.option_count = 1;
    in.option_stride = sizeof option;
    in.abi_minor = RLX_ABI_MINOR;
    auto out = roomy<rlx_open_out>();
    auto error = roomy<rlx_error>();
    run.phase("open with a long option");
    run.status("an unknown option of 700 bytes", bench.tables().plugin->open(&in, &out, &error), RLX_STATUS_INVALID_ARGUMENT);
    check_message(run, text("an unknown option of 700 bytes, shifted by %zu", shift), error);
  }
}

/// Tensors whose names are longer than a message.
void long_tensors(Run& run, Bench& bench) {
  auto model = runnable(*bench.session, {"long_names_f32", "copy_f32"});
  if (!model || !model->all(1)) return;
  for (std::size_t tensor = 0; tensor < model->inputs().size() + model->output_views().size(); ++tensor) {
    std::vector<rlx_view> inputs = model->inputs(), outputs = model->output_views();
    rlx_view& view = tensor < inputs.size() ? inputs[tensor] : outputs[tensor - inputs.size()];
    view.dtype = RLX_DTYPE_I64;
    rlx_execute_in in = model->execute_in();
    in.inputs = inputs.data();
    in.outputs = outputs.data();
    auto error = roomy<rlx_error>();
    run.phase("execute with a tensor of a long name");
    run.status("a tensor of a long name and another dtype", bench.tables().execute->execute(model->context(), &in, nullptr, &error), RLX_STATUS_INVALID_ARGUMENT);
    check_message(run, text("the name of 700 bytes of tensor %zu", tensor), error);
  }
}

void err_messages(Run& run) {
  const auto bench = Bench::open(run);
  if (!bench) return;
  for (const BadCall& bad : bad_calls(*bench)) {
    auto error = roomy<rlx_error>();
    run.phase(bad.name.c_str());
    bad.call(&error);
    check_message(run, bad.name, error);
    run.expect(bad.names.empty() || std::string(error.message).find(bad.names) != std::string::npos, bad.name + ": the message names `" + bad.names + "`",
               error.message);
    if (bad.name == "compile_lir of an unknown opcode") run.equal("error.op_index of " + bad.name, error.op_index, 0);
  }
  long_names(run, *bench);
  long_tensors(run, *bench);
}

// ---- ERR-03

std::vector<std::string> strong_cases(const Facts& facts, Profile) {
  std::vector<std::string> keys;
  if (!facts.usable()) return keys;
  keys.emplace_back("bits");
  for (const SlotRow& row : slot_rows())
    if (row.fallible && row.out != "none" && facts.has_slot(slot_name(row))) keys.push_back(slot_name(row));
  return keys;
}

void err_bits(Run& run) {
  const auto bench = Bench::open(run);
  if (!bench) return;
  if (!bench->model->run(8)) return;
  const std::string right = bench->model->outputs();
  for (const BadCall& bad : bad_calls(*bench)) {
    auto error = roomy<rlx_error>();
    run.phase(bad.name.c_str());
    bad.call(&error);
    if (!bench->model->run(8)) return;
    run.same_bytes("a good run after " + bad.name, bench->model->outputs().data(), right.data(), right.size());
  }
  const auto fresh = runnable(*bench->session);
  run.expect(fresh && fresh->all(2), "a new model compiles and runs after all refusals", "it does not");
}

/// What one change of a good in-struct makes of it: something to refuse.
struct Spoiler {
  std::string name;
  std::function<void(Bench& bench, std::vector<std::uint64_t>& in)> change;
};

template <class In>
std::function<void(Bench&, std::vector<std::uint64_t>&)> with(void (*change)(In& in)) {
  return [=](Bench&, std::vector<std::uint64_t>& in) { change(*reinterpret_cast<In*>(in.data())); };
}

/// Values that only their slot knows to be wrong.
std::vector<Spoiler> wrong_values(const std::string& slot) {
  std::vector<Spoiler> out;
  if (slot == "rlx.plugin/1.device_info") out.push_back({"a device past the count", with<rlx_device_info_in>([](auto& in) { in.ordinal = 1'000'000; })});
  if (slot == "rlx.device/1.open") out.push_back({"a device past the count", with<rlx_device_open_in>([](auto& in) { in.ordinal = 1'000'000; })});
  if (slot == "rlx.buffer/1.alloc") {
    out.push_back({"an alignment of 3", with<rlx_alloc_in>([](auto& in) { in.alignment = 3; })});
    out.push_back({"more bytes than there are", with<rlx_alloc_in>([](auto& in) { in.bytes = UINT64_MAX; })});
  }
  if (slot == "rlx.compile/1.query_support") out.push_back({"a cut image", with<rlx_query_support_in>([](auto& in) { in.image_bytes = 200; })});
  if (slot == "rlx.compile/1.compile_lir") out.push_back({"a cut image", with<rlx_compile_in>([](auto& in) { in.image_bytes = 200; })});
  if (slot == "rlx.artifact/1.import_code") {
    out.push_back({"a cut image", with<rlx_artifact_import_in>([](auto& in) { in.image_bytes = 200; })});
    out.push_back({"a cut artifact", with<rlx_artifact_import_in>([](auto& in) { in.artifact_bytes = 8; })});
  }
  if (slot == "rlx.execute/1.context_create") out.push_back({"an arena too many", with<rlx_context_create_in>([](auto& in) { ++in.arena_count; })});
  return out;
}

/// Of every slot: sizes, bytes and pointers that its struct does not allow, then its own.
std::vector<Spoiler> spoilers(const std::string& slot, const SlotRow& row) {
  std::vector<Spoiler> out;
  if (slot != "rlx.plugin/1.open") out.push_back({"a null object", [](Bench& bench, auto&) { bench.null_object = true; }});
  if (row.in == "none") return out;
  out.push_back({"an in-struct of 4097 bytes", [](Bench&, std::vector<std::uint64_t>& in) { reinterpret_cast<std::uint32_t&>(in[0]) = 4097; }});
  out.push_back({"an unknown byte", [](Bench&, std::vector<std::uint64_t>& in) {
                   reinterpret_cast<std::uint32_t&>(in[0]) = 4096;
                   in[511] = 1;
                 }});
  for (const FieldRow& field : field_rows())
    if (field.owner == row.in && field.may_be_null == "never")
      out.push_back({"a null " + std::string(field.name), [field](Bench&, std::vector<std::uint64_t>& in) {
                       memset(reinterpret_cast<char*>(in.data()) + field.offset, 0, field.size);
                     }});
  for (Spoiler& spoiler : wrong_values(slot)) out.push_back(std::move(spoiler));
  return out;
}

/// Out-structs, which the caller zeroes, are as they were after a refused call: nothing is half answered.
void err_outputs(Run& run) {
  const auto bench = Bench::open(run);
  if (!bench) return;
  const SlotDriver& driver = *slot_driver(run.key());
  const SlotRow& row = *slot_row(run.key());
  const StructRow* out_row = struct_row(row.out);
  for (const Spoiler& spoiler : spoilers(run.key(), row)) {
    std::vector<std::uint64_t> in(4096 / 8 + 1), out(out_row->size / 8 + 1);
    if (!driver.ready(*bench, row.in == "none" ? nullptr : in.data())) return run.unsupported("this plugin gives nothing to call it with");
    memcpy(out.data(), &out_row->size, 4);
    const std::vector<std::uint64_t> before = out;
    spoiler.change(*bench, in);
    auto error = roomy<rlx_error>();
    run.phase((run.key() + " with " + spoiler.name).c_str());
    const std::int32_t status = driver.call(*bench, row.in == "none" ? nullptr : in.data(), out.data(), &error);
    bench->null_object = false;
    if (status != RLX_STATUS_OK) run.same_bytes("the out-struct of a call that was refused for " + spoiler.name, out.data(), before.data(), out_row->size);
    driver.done(*bench, status == RLX_STATUS_OK ? out.data() : nullptr);
  }
  run.expect(bench->model->run(2), "the model still runs", "it does not");
}

void err_strong(Run& run) { run.key() == "bits" ? err_bits(run) : err_outputs(run); }

// ---- ERR-04

std::vector<std::string> memory_cases(const Facts& facts, Profile) {
  std::vector<std::string> keys;
  if (!facts.usable()) return keys;
  for (const SlotRow& row : slot_rows())
    if (row.fallible && facts.has_slot(slot_name(row))) keys.push_back(slot_name(row));
  return keys;
}

struct Attempt {
  std::int32_t status = 0;
  bool fired = false, ready = false, wrote = false;
};

/// One slot whose k-th allocation fails: of malloc, or of the service where there is a host with it.
struct Scarce {
  Bench& bench;
  const SlotDriver& driver;
  const SlotRow& row;
  Host* host;

  Attempt attempt(std::uint64_t k) const {
    const StructRow *in_row = row.in == "none" ? nullptr : struct_row(row.in), *out_row = row.out == "none" ? nullptr : struct_row(row.out);
    std::vector<std::uint64_t> in(in_row ? in_row->size / 8 + 1 : 1), out(out_row ? out_row->size / 8 + 1 : 1);
    auto error = roomy<rlx_error>();
    Attempt result;
    result.ready = driver.ready(bench, in_row ? in.data() : nullptr);
    if (!result.ready) return result;
    if (out_row) memcpy(out.data(), &out_row->size, 4);
    const std::vector<std::uint64_t> before = out;
    {
      const FailAllocation fail(host ? 0 : k);
      if (host && k) host->fail_allocation = host->allocations + k;
      result.status = driver.call(bench, in_row ? in.data() : nullptr, out_row ? out.data() : nullptr, &error);
      result.fired = host ? k && host->allocations >= host->fail_allocation : fail.fired();
      if (host) host->fail_allocation = 0;
    }
    result.wrote = result.status != RLX_STATUS_OK && out != before;
    driver.done(bench, result.status == RLX_STATUS_OK && out_row ? out.data() : nullptr);
    return result;
  }

  /// How many allocations of the call could be failed, each once.
  std::uint64_t fail_each() const {
    Run& run = bench.run();
    std::uint64_t fired = 0;
    for (std::uint64_t k = 1; k <= 400; ++k) {
      run.phase(text("%s while allocation %llu%s fails", run.key().c_str(), static_cast<unsigned long long>(k), host ? " of rlx.host.alloc/1" : "").c_str());
      const Attempt failed = attempt(k);
      if (!failed.ready || !failed.fired) break;
      ++fired;
      run.expect(failed.status == RLX_STATUS_OUT_OF_MEMORY || failed.status == RLX_STATUS_OK || failed.status == RLX_STATUS_RESOURCE_EXHAUSTED,
                 "a call whose allocation fails answers OUT_OF_MEMORY, or does without", status_name(failed.status));
      run.expect(!failed.wrote, "a call whose allocation fails hands out nothing", "the out-struct has changed");
      const Attempt again = attempt(0);
      run.status("the same call afterwards", again.status, RLX_STATUS_OK);
    }
    if (fired) run.expect(bench.model->run(2), "the model still runs", "it does not");
    return fired;
  }

  /// What failed calls leave behind shows as memory that grows with them.
  void expect_nothing_kept(std::uint64_t fired) const {
    Run& run = bench.run();
    const Calls before = calls_so_far();
    const std::uint64_t live = host ? host->live_bytes.load() : 0;
    for (int i = 0; i < 20 && fired; ++i) attempt(1 + static_cast<std::uint64_t>(i) % fired);
    const Calls after = calls_so_far();
    const auto kept = static_cast<std::int64_t>(after.allocations - before.allocations) - static_cast<std::int64_t>(after.frees - before.frees);
    // The failed allocations themselves are counted and never freed.
    if (fired && !host) run.expect(kept <= 20 + 4, "failed calls leave no memory behind", std::to_string(kept - 20) + " allocations are kept after 20 failed calls");
    if (fired && host) run.equal("bytes of rlx.host.alloc/1 that are held after 20 failed calls", host->live_bytes, live);
  }
};

/// The slot hands out an object of its own.
bool makes_an_object(const SlotRow& row) {
  const auto fields = field_rows();
  return std::any_of(fields.begin(), fields.end(), [&](const FieldRow& field) { return field.owner == row.out && field.may_be_null == "never"; });
}

/// The k-th allocation fails, for every k that the call makes, by malloc and by the host's service.
void err_memory(Run& run) {
  if (!calls_are_watched()) return run.skip("allocations cannot be failed under a sanitizer");
  const SlotDriver& driver = *slot_driver(run.key());
  const SlotRow& row = *slot_row(run.key());
  HostOptions options;
  options.alloc = true;
  Host service(options);
  std::uint64_t fired = 0;
  for (Host* host : {static_cast<Host*>(nullptr), &service}) {
    const auto bench = Bench::open(run, host ? host->get() : nullptr);
    if (!bench) return;
    const Scarce scarce{*bench, driver, row, host};
    if (!scarce.attempt(0).ready) return run.unsupported("this plugin gives nothing to call it with");
    const std::uint64_t here = scarce.fail_each();
    scarce.expect_nothing_kept(here);
    fired += here;
  }
  if (fired || run.failed()) return;
  const char* why = "the call asks neither malloc nor rlx.host.alloc/1 for memory: nothing could be failed";
  makes_an_object(row) ? run.weak(why) : run.unsupported(why);
}

void err_limits(Run& run) {
  const auto session = Session::open(run);
  if (!session) return;
  std::vector<std::uint64_t> sizes = {UINT64_MAX, UINT64_MAX - 63, std::uint64_t{1} << 62};
  if (run.facts().max_alloc_bytes && run.facts().max_alloc_bytes < UINT64_MAX) sizes.push_back(run.facts().max_alloc_bytes + 1);
  for (const std::uint64_t bytes : sizes) {
    rlx_alloc_in in = sized<rlx_alloc_in>();
    in.bytes = bytes;
    auto out = roomy<rlx_alloc_out>();
    auto error = roomy<rlx_error>();
    run.phase("buffer.alloc");
    const std::int32_t status = session->tables().buffer->alloc(session->device(), &in, &out, &error);
    run.status(text("an alloc of %llu bytes, more than max_alloc_bytes", static_cast<unsigned long long>(bytes)), status, RLX_STATUS_RESOURCE_EXHAUSTED, error.message);
    run.equal("error.retryable", error.retryable, 1);
    run.expect(out.buffer == nullptr, "nothing is handed out", "a buffer");
  }
  auto model = runnable(*session);
  run.expect(model && model->all(1), "the device still runs", "it does not");
}

void err_quiet(Run& run) {
  const auto bench = Bench::open(run);
  if (!bench) return;
  const std::vector<BadCall> calls = bad_calls(*bench);
  { const auto warm = ProcessState::now(); }
  const auto before = ProcessState::now();
  for (const BadCall& bad : calls) {
    run.phase(bad.name.c_str());
    bad.call(nullptr);
  }
  bench->model->run(1);
  ProcessState after = ProcessState::now();
  after.threads = before.threads;  // a plugin may have started its own
  expect_same_state(run, "after refused calls", before, after);
}

constexpr Check kChecks[] = {
    {"ERR-01", 2, "Each class of bad input has its status, its retryable and its scope.", 80, one_device_case, err_table},
    {"ERR-02", 2, "Messages end within 512 bytes, are UTF-8 even where they are cut, and name the culprit.", 60, one_device_case, err_messages},
    {"ERR-03", 2, "After every refused call a good one gives the same bits as before, and new objects can be made; the out-structs of every slot are untouched where it refuses.", 100, strong_cases, err_strong},
    {"ERR-04", 2, "Where an allocation fails the call fails cleanly, leaves nothing behind, and works the next time.", 40, memory_cases, err_memory},
    {"ERR-05", 2, "More than max_alloc_bytes is RESOURCE_EXHAUSTED.", 8, one_device_case, err_limits},
    {"ERR-06", 2, "No error prints, changes the locale, a mask, a handler or the floating-point environment, or ends the process.", 10, one_device_case, err_quiet},
};

}  // namespace

std::span<const Check> err_checks() { return kChecks; }

}  // namespace rlx::conform
