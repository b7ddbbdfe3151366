// SPDX-License-Identifier: Apache-2.0
// ABI-03 to ABI-06: how structs grow, for every slot of the registry that has one.
#include "tools/conform/checks/abi.h"

#include <functional>
#include <string>

#include "tools/conform/worker/slots.h"

namespace rlx::conform {
namespace {

constexpr std::uint32_t kTail = 64;
constexpr unsigned char kBeyond = 0x6B;

/// Bytes past this offset no plugin knows, were it years ahead: a later minor's fields lie before it.
constexpr std::uint32_t kFar = 4096 - kTail;

bool is_newer(const Bench& bench) { return bench.session->library().answer().descriptor->abi_minor_max > RLX_ABI_MINOR; }

bool offered(const Facts& facts, const SlotRow& row) { return facts.has_slot(slot_name(row)); }

std::vector<std::string> slots_with(const Facts& facts, bool out) {
  std::vector<std::string> keys;
  if (!facts.usable()) return keys;
  for (const SlotRow& row : slot_rows())
    if (row.fallible && offered(facts, row) && (out ? row.out : row.in) != "none") keys.push_back(slot_name(row));
  return keys;
}

/// One slot with everything for its calls. `bench` is null where the case has ended already.
struct Sweep {
  explicit Sweep(Run& runs) : run(runs), row(slot_row(runs.key())), driver(slot_driver(runs.key())) {
    if (!run.expect(row && driver, "the tool can call this slot", "no driver")) return;
    in = row->in == "none" ? nullptr : struct_row(row->in);
    out = row->out == "none" ? nullptr : struct_row(row->out);
    bench = Bench::open(run);
  }

  /// One call with `change` applied to the two structs; in and out lie against forbidden pages, the in-struct read-only.
  /// `in_bytes`, `out_bytes`: room that there is.
  struct Sizes {
    std::uint32_t in_bytes, out_bytes;
  };
  Sizes usual() const { return {in ? in->size : 0, out ? out->size : 0}; }

  std::int32_t call(Sizes sizes, const std::function<void(unsigned char* in, unsigned char* out)>& change, bool undo = true) {
    std::vector<std::uint64_t> whole((4096 + 8) / 8 + 1);
    error = roomy<rlx_error>();
    if (!driver->ready(*bench, in ? whole.data() : nullptr)) return skipped = true, -1;
    Guarded in_memory(sizes.in_bytes, 8), out_memory(sizes.out_bytes, 8);
    // Structs hold pointers: they are 8-byte aligned whatever their size is.
    in_memory.fill(0);
    out_memory.fill(0);
    if (in) memcpy(in_memory.data(), whole.data(), std::min(sizes.in_bytes, in->size));
    const std::uint32_t out_size = out ? out->size : 0;
    if (out && sizes.out_bytes >= 4) memcpy(out_memory.data(), &out_size, 4);
    if (change) change(in_memory.data(), out_memory.data());
    in_memory.read_only(true);
    const std::int32_t status = driver->call(*bench, in ? in_memory.data() : nullptr, out ? out_memory.data() : nullptr, &error);
    after.assign(reinterpret_cast<const char*>(out_memory.data()), sizes.out_bytes);
    const bool intact = in_memory.intact() && out_memory.intact();
    run.expect(intact, "nothing is written around the structs", "bytes before one have changed");
    if (undo) driver->done(*bench, status == RLX_STATUS_OK && out ? whole_out(out_memory).data() : nullptr);
    return status;
  }

  /// The out-struct with all its bytes, even where the caller's was shorter or longer.
  std::vector<std::uint64_t> whole_out(const Guarded& memory) const {
    std::vector<std::uint64_t> copy(out->size / 8 + 2);
    memcpy(copy.data(), memory.data(), std::min<std::size_t>(out->size, memory.size()));
    return copy;
  }

  /// The plugin knows a later minor than this tool: its structs may be longer.
  bool newer() const { return is_newer(*bench); }

  Run& run;
  const SlotRow* row;
  const SlotDriver* driver;
  const StructRow *in = nullptr, *out = nullptr;
  std::unique_ptr<Bench> bench;
  Roomy<rlx_error> error{};
  std::string after;  ///< the out-struct after the call
  bool skipped = false;
};

void set_size(unsigned char* at, std::uint32_t size) { memcpy(at, &size, 4); }

bool usable(Sweep& sweep) {
  if (!sweep.bench) return false;
  const std::int32_t status = sweep.call(sweep.usual(), nullptr);
  if (sweep.skipped) return sweep.run.unsupported("this plugin gives nothing to call it with"), false;
  return sweep.run.status("a good call", status, RLX_STATUS_OK, sweep.error.message);
}

/// Fields that may be compared between two calls: no pointers, and nothing that differs by nature.
std::string comparable(const StructRow& row, const std::string& bytes) {
  std::string out = bytes.substr(0, row.size);
  for (const FieldRow& field : field_rows())
    if (field.owner == row.name && !field.may_be_null.empty() && field.offset + field.size <= out.size())
      out.replace(field.offset, field.size, field.size, '\0');
  return out;
}

void expect_same_answer(Sweep& sweep, const std::string& before, const std::string& what) {
  if (!sweep.out || sweep.driver->changes) return;
  const std::string now = comparable(*sweep.out, sweep.after);
  sweep.run.same_bytes(what + ": the answer", now.data(), before.data(), std::min(now.size(), before.size()));
}

// ---- ABI-03

void cut(Run& run) {
  Sweep sweep(run);
  if (!usable(sweep)) return;
  const std::vector<std::uint32_t> cuts = cuts_of(*sweep.in, field_rows(), sweep.newer());
  if (cuts.empty()) return run.unsupported("tool and plugin know the first version of the struct and no later one: there is nothing to cut");
  // Where the plugin's struct is longer than the tool's, it ends somewhere in the tail.
  const std::uint32_t whole = sweep.in->size + (sweep.newer() ? kTail : 0);
  for (const std::uint32_t size : cuts) {
    run.phase(text("%s with an in-struct of %u bytes", run.key().c_str(), size).c_str());
    // The full struct with zeros where the cut one ends.
    const std::int32_t full = sweep.call({whole, sweep.usual().out_bytes}, [&](unsigned char* in, unsigned char*) {
      memset(in + size, 0, whole - size);
      set_size(in, whole);
    });
    const std::string answer = sweep.out ? comparable(*sweep.out, sweep.after) : std::string();
    const std::int32_t cut_status = sweep.call({size, sweep.usual().out_bytes}, [&](unsigned char* in, unsigned char*) { set_size(in, size); });
    run.status(text("a struct cut to %u bytes", size), cut_status, full, sweep.error.message);
    if (full == RLX_STATUS_OK) expect_same_answer(sweep, answer, "a cut struct");
  }
}

// ---- ABI-04

void extended(Run& run) {
  Sweep sweep(run);
  if (!usable(sweep)) return;
  sweep.call(sweep.usual(), nullptr);
  const std::string answer = sweep.out ? comparable(*sweep.out, sweep.after) : std::string();
  const std::uint32_t size = sweep.in->size;
  const Sweep::Sizes longer = {size + kTail, sweep.usual().out_bytes};
  run.phase((run.key() + " with 64 zero bytes more").c_str());
  const std::int32_t status = sweep.call(longer, [&](unsigned char* in, unsigned char*) { set_size(in, size + kTail); });
  run.status("64 zero bytes at the end", status, RLX_STATUS_OK, sweep.error.message);
  expect_same_answer(sweep, answer, "64 zero bytes at the end");
  run.phase((run.key() + " with an unknown field set").c_str());
  const std::uint32_t from = sweep.newer() ? kFar : size;
  for (std::uint32_t i = 0; i < kTail; ++i) {
    std::string before;
    const std::int32_t refused = sweep.call({from + kTail, longer.out_bytes}, [&](unsigned char* in, unsigned char* out) {
      set_size(in, from + kTail);
      in[from + i] = static_cast<unsigned char>(1u << (i % 8));
      before.assign(reinterpret_cast<const char*>(out), sweep.usual().out_bytes);
    });
    if (!run.status(text("byte %u set, which no version knows", from + i), refused, RLX_STATUS_UNKNOWN_FIELD, sweep.error.message)) continue;
    run.equal("error.detail, the offset of the unknown byte", sweep.error.detail, from + i);
    run.same_bytes("the out-struct of a refused call", sweep.after.data(), before.data(), before.size());
  }
}

// ---- ABI-05

std::vector<std::string> sized_cases(const Facts& facts, Profile) {
  std::vector<std::string> keys;
  if (!facts.usable()) return keys;
  for (const SlotRow& row : slot_rows())
    if (row.fallible && offered(facts, row) && (row.in != "none" || row.out != "none")) keys.push_back(slot_name(row));
  return keys;
}

void refuse_sizes(Sweep& sweep, bool out) {
  const StructRow& row = out ? *sweep.out : *sweep.in;
  for (const std::uint32_t size : {0u, 1u, 3u, 4u, row.first_size - 1, 4097u, 0x7FFFFFFFu, 0xFFFFFFFFu}) {
    if (size == row.first_size) continue;
    // The size alone lies before the forbidden page: whoever reads on is stopped.
    Sweep::Sizes sizes = sweep.usual();
    (out ? sizes.out_bytes : sizes.in_bytes) = 4;
    sweep.run.phase(text("%s with %s of size %u", sweep.run.key().c_str(), out ? "an out-struct" : "an in-struct", size).c_str());
    const std::int32_t status = sweep.call(sizes, [&](unsigned char* in, unsigned char* at) { set_size(out ? at : in, size); });
    sweep.run.status(text("struct_size %u of %s", size, std::string(row.name).c_str()), status, RLX_STATUS_INVALID_ARGUMENT, sweep.error.message);
  }
}

void wrong_sizes(Run& run) {
  Sweep sweep(run);
  if (!usable(sweep)) return;
  if (sweep.in) refuse_sizes(sweep, false);
  if (sweep.out) refuse_sizes(sweep, true);
  run.phase((run.key() + " after refusals").c_str());
  run.status("a good call after all refusals", sweep.call(sweep.usual(), nullptr), RLX_STATUS_OK, sweep.error.message);
}

// ---- ABI-06

/// `own`: bytes that the plugin knows.
void out_at_size(Sweep& sweep, std::uint32_t size, std::uint32_t own) {
  Run& run = sweep.run;
  run.phase(text("%s with an out-struct of %u bytes", run.key().c_str(), size).c_str());
  const std::int32_t status = sweep.call({sweep.usual().in_bytes, size}, [&](unsigned char*, unsigned char* out) {
    memset(out, kBeyond, size);
    memset(out, 0, std::min(size, own));
    set_size(out, size);
  });
  if (!run.status(text("an out-struct of %u bytes", size), status, RLX_STATUS_OK, sweep.error.message)) return;
  std::uint32_t stored = 0;
  memcpy(&stored, sweep.after.data(), 4);
  run.equal(text("struct_size stored for %u bytes", size), stored, std::min(size, own));
  for (std::uint32_t i = own; i < size; ++i)
    if (!run.expect(static_cast<unsigned char>(sweep.after[i]) == kBeyond, text("byte %u, past what the plugin knows, is untouched", i), "it is written"))
      break;
}

/// The same struct again as the first call left it: it must not be overrun, nor grow.
void out_twice(Sweep& sweep, std::uint32_t size) {
  Run& run = sweep.run;
  std::string left;
  run.phase((run.key() + " twice on one out-struct").c_str());
  sweep.call({sweep.usual().in_bytes, size}, [&](unsigned char*, unsigned char* out) { memset(out, 0, size), set_size(out, size); });
  left = sweep.after;
  const std::int32_t status = sweep.call({sweep.usual().in_bytes, size}, [&](unsigned char*, unsigned char* out) { memcpy(out, left.data(), left.size()); });
  run.status("the second call on one out-struct", status, RLX_STATUS_OK, sweep.error.message);
  run.same_bytes("struct_size after the second call", sweep.after.data(), left.data(), 4);
}

/// As the plugin stores it in a struct with room to spare: the tool's own where it is of the tool's minor.
std::uint32_t known_bytes(Sweep& sweep) {
  if (!sweep.newer()) return sweep.out->size;
  sweep.call({sweep.usual().in_bytes, 4096}, [&](unsigned char*, unsigned char* out) { set_size(out, 4096); });
  std::uint32_t stored = 0;
  memcpy(&stored, sweep.after.data(), 4);
  return std::clamp<std::uint32_t>(stored, sweep.out->size, kFar);
}

void out_sizes(Run& run) {
  Sweep sweep(run);
  if (!usable(sweep)) return;
  const std::uint32_t own = known_bytes(sweep);
  for (std::uint32_t size = sweep.out->first_size; size <= own + kTail; size += size < sweep.out->size ? 4 : 8) out_at_size(sweep, size, own);
  out_twice(sweep, own);
  out_twice(sweep, own + kTail);
  out_twice(sweep, sweep.out->first_size);
}

// ---- rlx_error and rlx_call

void error_sizes(Run& run) {
  const auto bench = Bench::open(run);
  if (!bench) return;
  const StructRow& row = *struct_row("rlx_error");
  // A later minor's record may be longer by fields that this tool does not know: then no longer ones are tried.
  for (std::uint32_t size = row.first_size; size <= row.size + (is_newer(*bench) ? 0 : kTail); size += size < row.first_size + 32 ? 1 : 23) {
    Guarded memory(size, 8);
    memory.fill(kBeyond);
    memset(memory.data(), 0, std::min(size, row.size));
    set_size(memory.data(), size);
    rlx_device_info_in in = sized<rlx_device_info_in>();
    in.ordinal = 1'000'000;
    auto out = roomy<rlx_device_info_out>();
    run.phase(text("an error record of %u bytes", size).c_str());
    const std::int32_t status = bench->tables().plugin->device_info(bench->session->instance(), &in, &out, reinterpret_cast<rlx_error*>(memory.data()));
    run.status("device_info of device 1000000", status, RLX_STATUS_NOT_FOUND);
    std::uint32_t stored = 0;
    std::int32_t code = 0;
    memcpy(&stored, memory.data(), 4);
    memcpy(&code, memory.data() + 4, 4);
    run.equal("error.struct_size", stored, std::min(size, row.size));
    run.equal("error.status", static_cast<std::uint64_t>(code), static_cast<std::uint64_t>(status));
    for (std::uint32_t i = row.size; i < size; ++i) run.expect(memory.data()[i] == kBeyond, "nothing is written past the error record that the plugin knows", text("byte %u is", i));
    run.expect(memory.intact(), "nothing is written before the error record", "bytes are");
  }
  for (const std::uint32_t size : {0u, 4u, 39u, 4097u, 0xFFFFFFFFu}) {
    Guarded memory(4, 8);
    set_size(memory.data(), size);
    rlx_device_info_in in = sized<rlx_device_info_in>();
    in.ordinal = 1'000'000;
    auto out = roomy<rlx_device_info_out>();
    run.phase(text("an error record of size %u", size).c_str());
    bench->tables().plugin->device_info(bench->session->instance(), &in, &out, reinterpret_cast<rlx_error*>(memory.data()));
    std::uint32_t stored = 0;
    memcpy(&stored, memory.data(), 4);
    run.equal("struct_size of an error record that no rule allows", stored, size);
  }
}

void longer_call(Run& run) {
  const auto bench = Bench::open(run);
  if (!bench) return;
  const auto execute = [&](const void* call) {
    bench->model->fill(1);
    const rlx_execute_in in = bench->model->execute_in(static_cast<const rlx_call*>(call));
    return bench->tables().execute->execute(bench->model->context(), &in, nullptr, nullptr);
  };
  const std::uint32_t size = sizeof(rlx_call);
  const std::uint32_t from = is_newer(*bench) ? kFar : size;
  Guarded longer(from + kTail, 8);
  longer.fill(0);
  set_size(longer.data(), from + kTail);
  run.phase("execute with a longer rlx_call");
  run.status("64 zero bytes at the end of rlx_call", execute(longer.data()), RLX_STATUS_OK);
  longer.data()[from + 5] = 1;
  run.status("an unknown byte of rlx_call", execute(longer.data()), RLX_STATUS_UNKNOWN_FIELD);
  for (const std::uint32_t wrong : {0u, 4u, size - 1, 4097u, 0xFFFFFFFFu}) {
    Guarded memory(4, 8);
    set_size(memory.data(), wrong);
    run.phase(text("execute with an rlx_call of size %u", wrong).c_str());
    run.status(text("rlx_call of struct_size %u", wrong), execute(memory.data()), RLX_STATUS_INVALID_ARGUMENT);
  }
  run.status("a run without rlx_call afterwards", execute(nullptr), RLX_STATUS_OK);
}

}  // namespace

std::vector<std::uint32_t> cuts_of(const StructRow& row, std::span<const FieldRow> fields, bool newer) {
  std::vector<std::uint32_t> out;
  for (const FieldRow& field : fields)
    if (field.owner == row.name && field.offset >= row.first_size && field.offset < row.size) out.push_back(field.offset);
  if (newer) out.push_back(row.size);
  return out;
}

std::vector<std::string> in_cases(const Facts& facts, Profile) { return slots_with(facts, false); }
std::vector<std::string> extended_cases(const Facts& facts, Profile) {
  auto keys = slots_with(facts, false);
  if (!keys.empty()) keys.push_back("rlx_call");
  return keys;
}
std::vector<std::string> out_cases(const Facts& facts, Profile) {
  auto keys = slots_with(facts, true);
  if (!keys.empty()) keys.push_back("rlx_error");
  return keys;
}
std::vector<std::string> size_cases(const Facts& facts, Profile profile) { return sized_cases(facts, profile); }
void abi_cut(Run& run) { cut(run); }
void abi_extended(Run& run) { run.key() == "rlx_call" ? longer_call(run) : extended(run); }
void abi_wrong_sizes(Run& run) { wrong_sizes(run); }
void abi_out_sizes(Run& run) { run.key() == "rlx_error" ? error_sizes(run) : out_sizes(run); }

}  // namespace rlx::conform
