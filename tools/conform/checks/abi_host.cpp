// SPDX-License-Identifier: Apache-2.0
// ABI-01, 02, 07, 09, 10: the file, the handshake, what the host hands over and what it offers.
#include <dlfcn.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "tools/conform/checks/abi.h"
#include "tools/conform/shared/elf_file.h"
#include "tools/conform/worker/host.h"
#include "tools/conform/worker/slots.h"

namespace rlx::conform {
namespace {

std::string file_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool write_file(const std::string& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary);
  file << bytes;
  return static_cast<bool>(file.flush()) && !::chmod(path.c_str(), 0755);
}

/// Two copies of the file in one process: neither serves the other's symbols.
void two_copies(Run& run, const std::string& bytes) {
  const std::string path = run.folder() + "/copy.so";
  if (!write_file(path, bytes)) return run.skip("the file cannot be copied to the run's folder");
  std::shared_ptr<Library> first = Library::load(run), second = Library::load(run, path);
  if (!first || !second) return;
  run.expect(first->answer().descriptor != second->answer().descriptor, "two copies of the file are two libraries", "one descriptor");
  if (!run.facts().usable()) return;
  const auto one = Session::open(run, first, nullptr), two = Session::open(run, second, nullptr);
  if (!one || !two) return;
  auto a = runnable(*one), b = runnable(*two);
  if (!a || !b || !a->all(5) || !b->all(5)) return;
  run.same_bytes("the same run in two copies of the file", b->outputs().data(), a->outputs().data(), a->outputs().size());
}

}  // namespace

void abi_exports(Run& run) {
  const std::string bytes = file_bytes(run.plugin());
  const ElfDynamic dynamic = elf_dynamic(bytes);
  std::string others;
  bool query = false;
  for (const std::string& name : dynamic.exports) {
    if (name == RLX_PLUGIN_QUERY_SYMBOL)
      query = true;
    else if (others.size() < 200)
      others += name + " ";
  }
  run.expect(query, "rlx_plugin_query is exported", "it is not");
  run.expect(others.empty(), "nothing but rlx_plugin_query is exported", others);
  std::string from_host;
  for (const std::string& name : dynamic.imports)
    if (name.starts_with("rlx_") || name.find("3rlx") != std::string::npos) from_host += name + " ";
  run.expect(from_host.empty(), "nothing is imported from the host", from_host);
  two_copies(run, bytes);
}

// ---- The handshake

namespace {

struct Range {
  std::uint32_t least, most;
};

/// What the contract says of a host's query for a plugin with this descriptor: OK with the two versions, or VERSION.
struct Expected {
  bool agrees;
  std::uint32_t minor, lir;
};
Expected expected_of(const rlx_descriptor& own, const rlx_query_in& host) {
  const std::uint32_t minor = std::min(host.abi_minor_max, own.abi_minor_max), lir = std::min(host.lir_version_max, own.lir_version_max);
  const bool agrees = host.abi_epoch == own.abi_epoch && host.abi_major == own.abi_major && minor >= std::max(host.abi_minor_min, own.abi_minor_min) &&
                      lir >= std::max(host.lir_version_min, own.lir_version_min);
  return {agrees, minor, lir};
}

void ask(Run& run, const Library& library, const rlx_query_in& in, const std::string& what) {
  const Expected wanted = expected_of(*library.answer().descriptor, in);
  auto out = roomy<rlx_query_out>();
  auto error = roomy<rlx_error>();
  run.phase(("query: " + what).c_str());
  const std::int32_t status = library.query()(&in, &out, &error);
  if (!run.status("rlx_plugin_query to a host of " + what, status, wanted.agrees ? RLX_STATUS_OK : RLX_STATUS_VERSION, error.message)) return;
  if (wanted.agrees) {
    run.equal("the minor chosen with a host of " + what, out.abi_minor, wanted.minor);
    run.equal("the LIR version chosen with a host of " + what, out.lir_version, wanted.lir);
    return;
  }
  run.equal("error.status", static_cast<std::uint64_t>(error.status), RLX_STATUS_VERSION);
  const std::string message = error.message;
  const bool both = message.find(number(in.abi_minor_min)) != std::string::npos && message.find(number(in.abi_minor_max)) != std::string::npos &&
                    message.find(number(in.lir_version_max)) != std::string::npos;
  run.expect(both, "the message holds both ranges", message);
  run.expect(!out.get_interface && !out.descriptor && out.struct_size == sizeof(rlx_query_out), "nothing is handed out", "a field of the answer is set");
}

std::vector<Range> ranges_around(std::uint32_t least, std::uint32_t most) {
  return {{least, most}, {least, least}, {most, most}, {least ? least - 1 : 0, most + 1}, {0, least}, {most, most + 5},
          {0, least ? least - 1 : 0}, {most + 1, most + 1}, {most + 1, most + 9}, {most, UINT32_MAX}, {0, UINT32_MAX}};
}

std::string shown(Range range) { return number(range.least) + " to " + number(range.most); }

}  // namespace

std::vector<std::string> handshake_cases(const Facts&, Profile) { return {"minor", "lir", "epoch", "frozen"}; }

void abi_handshake(Run& run) {
  const auto library = Library::load(run);
  if (!library || !run.expect(library->answer().descriptor != nullptr, "there is a descriptor", "null")) return;
  const rlx_descriptor& own = *library->answer().descriptor;
  rlx_query_in in = usual_query();
  if (run.key() == "minor") {
    for (const Range range : ranges_around(own.abi_minor_min, own.abi_minor_max)) {
      in.abi_minor_min = range.least;
      in.abi_minor_max = range.most;
      ask(run, *library, in, "minors " + shown(range));
    }
  } else if (run.key() == "lir") {
    for (const Range range : ranges_around(own.lir_version_min, own.lir_version_max)) {
      in.lir_version_min = range.least;
      in.lir_version_max = range.most;
      ask(run, *library, in, "LIR " + shown(range));
    }
  } else if (run.key() == "epoch") {
    for (const std::uint32_t epoch : {own.abi_epoch + 1, own.abi_epoch - 1, 0u, UINT32_MAX}) {
      in.abi_epoch = epoch;
      ask(run, *library, in, "epoch " + number(epoch));
    }
    in.abi_epoch = own.abi_epoch;
    in.abi_major = own.abi_major + 1;
    ask(run, *library, in, "major " + number(in.abi_major));
  } else {
    in.host_name = in.host_version = {nullptr, 0};
    ask(run, *library, in, "no name");
    auto out = roomy<rlx_query_out>();
    run.phase("query with a null error");
    in.abi_epoch = own.abi_epoch + 1;
    run.status("a refused query without an error record", library->query()(&in, &out, nullptr), RLX_STATUS_VERSION);
    run.phase("query with null structs");
    in = usual_query();
    run.status("a query without an in-struct", library->query()(nullptr, &out, nullptr), RLX_STATUS_INVALID_ARGUMENT);
    run.status("a query without an out-struct", library->query()(&in, nullptr, nullptr), RLX_STATUS_INVALID_ARGUMENT);
  }
}

// ---- Read-only memory

namespace {
template <class Row>
const Row* frozen(std::vector<Guarded>& keep, const Row* rows, std::size_t count) {
  keep.emplace_back(count * sizeof(Row), alignof(Row));
  if (count) memcpy(static_cast<void*>(keep.back().data()), rows, count * sizeof(Row));
  keep.back().read_only(true);
  return reinterpret_cast<const Row*>(keep.back().data());
}
}  // namespace

void abi_read_only(Run& run) {
  const auto session = Session::open(run);
  if (!session) return;
  auto model = runnable(*session, {"param_f32", "add_f32", "copy_f32"});
  if (!model) return;
  std::vector<Guarded> keep;
  rlx_compile_in in = sized<rlx_compile_in>();
  in.image = frozen(keep, static_cast<const unsigned char*>(model->image().data()), model->image().size());
  // Images are 8-byte aligned, and their size is a multiple of 8.
  in.image_bytes = model->image().size();
  auto out = roomy<rlx_compile_out>();
  auto error = roomy<rlx_error>();
  run.phase("compile from read-only memory");
  if (!run.status("compile_lir from read-only memory", session->tables().compile->compile_lir(session->device(), frozen(keep, &in, 1), &out, &error),
                  RLX_STATUS_OK, error.message))
    return;
  run.phase("executable_destroy");
  session->tables().compile->executable_destroy(out.executable);
  if (!model->all(4)) return;
  const std::string right = model->outputs();
  model->fill(4);
  for (std::size_t i = 0; i < model->inputs().size(); ++i) model->input_memory(i).read_only(true);
  rlx_execute_in run_in = model->execute_in();
  run_in.inputs = frozen(keep, run_in.inputs, run_in.input_count);
  run_in.outputs = frozen(keep, run_in.outputs, run_in.output_count);
  run.phase("execute from read-only memory");
  run.status("execute from read-only memory", session->tables().execute->execute(model->context(), frozen(keep, &run_in, 1), nullptr, nullptr), RLX_STATUS_OK);
  run.same_bytes("outputs", model->outputs().data(), right.data(), right.size());
}

// ---- Descriptor

namespace {

/// The bits of all constants of the registry whose names begin so.
std::uint64_t constants_of(std::string_view prefix) {
  std::uint64_t bits = 0;
  for (const ConstantRow& row : constant_rows())
    if (row.name.starts_with(prefix)) bits |= row.number;
  return bits;
}

template <std::size_t N>
bool padded(const char (&chars)[N]) {
  const std::size_t size = strnlen(chars, N);
  for (std::size_t i = size; i < N; ++i)
    if (chars[i]) return false;
  return size < N;
}

void check_texts(Run& run, const rlx_descriptor& own) {
  run.same_bytes("the descriptor's magic", own.magic, "RLXPLUG", sizeof own.magic);
  run.equal("the descriptor's size", own.size, sizeof own);
  run.equal("the descriptor's version", own.descriptor_version, RLX_DESCRIPTOR_VERSION);
  run.expect(padded(own.id) && own.id[0] && strchr(own.id, '.'), "the id is reverse DNS, NUL-padded", own.id);
  run.expect(padded(own.name) && own.name[0], "there is a name, NUL-padded", text("%.64s", own.name));
  run.expect(padded(own.vendor) && padded(own.version) && own.version[0], "vendor and version are NUL-padded", "one is not");
  run.expect(own.kind_count >= 1 && own.kind_count <= 8, "kind_count is 1 to 8", number(own.kind_count));
  for (std::uint32_t i = 0; i < 8; ++i) {
    const bool used = i < own.kind_count;
    bool good = padded(own.kinds[i]) && (used ? own.kinds[i][0] >= 'a' && own.kinds[i][0] <= 'z' : !own.kinds[i][0]);
    for (const char* c = own.kinds[i]; good && *c; ++c) good = (*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || *c == '_';
    run.expect(good, text("kind %u is [a-z][a-z0-9_]*, or empty past the count", i), text("%.16s", own.kinds[i]));
  }
  bool zero = true;
  for (const char c : own.reserved) zero = zero && !c;
  run.expect(zero, "reserved bytes are zero", "one is not");
  run.expect(own.abi_minor_min <= own.abi_minor_max && own.lir_version_min <= own.lir_version_max, "ranges are not empty", "one is");
  run.expect(own.sanitizer <= RLX_SANITIZER_MEMORY, "the sanitizer is one of the contract's", number(own.sanitizer));
  run.expect(!(own.flags & ~constants_of("RLX_PLUGIN_FLAG_")), "no unknown flag is set", number(own.flags));
}

}  // namespace

void abi_descriptor(Run& run) {
  std::string bytes = file_bytes(run.plugin());
  const ElfNotes notes = elf_notes(bytes);
  if (!run.equal("descriptor notes", notes.descriptors.size(), 1)) return;
  // Without section headers, as after a thorough strip.
  memset(bytes.data() + 40, 0, 8);
  memset(bytes.data() + 58, 0, 6);
  run.equal("descriptor notes of a copy without section headers", elf_notes(bytes).descriptors.size(), 1);
  const auto library = Library::load(run);
  if (!library || !run.expect(library->answer().descriptor != nullptr, "rlx_plugin_query hands out the descriptor", "null")) return;
  const rlx_descriptor& own = *library->answer().descriptor;
  run.same_bytes("the descriptor handed out, beside the note in the file", &own, &notes.descriptors[0], sizeof own);
  check_texts(run, own);
  run.equal("the chosen minor lies in the descriptor's range",
            library->answer().abi_minor >= own.abi_minor_min && library->answer().abi_minor <= own.abi_minor_max, 1);
  if (!run.facts().usable()) return;
  const auto session = Session::open(run, std::shared_ptr<Library>(Library::load(run)), nullptr);
  if (!session) return;
  const rlx_device_info_in in = sized<rlx_device_info_in>();
  auto info = roomy<rlx_device_info_out>();
  run.phase("device_info");
  run.status("device_info", session->tables().plugin->device_info(session->instance(), &in, &info, nullptr), RLX_STATUS_OK);
  run.expect(padded(info.kind) && strcmp(info.kind, own.kinds[0]) == 0, text("the device's kind is the descriptor's, `%s`", own.kinds[0]), text("%.16s", info.kind));
  run.expect(strnlen(info.name, sizeof info.name) < sizeof info.name, "the device's name ends", "no NUL");
  run.expect(run.facts().persistent_id == text("%.64s", info.persistent_id) && info.persistent_id[0], "the persistent id is that of another process: " + run.facts().persistent_id,
             text("%.64s", info.persistent_id));
  run.expect(!(info.flags & ~constants_of("RLX_DEVICE_FLAG_")), "no unknown device flag is set", number(info.flags));
  auto print = roomy<rlx_fingerprint_out>();
  run.phase("fingerprint");
  run.status("fingerprint", session->tables().device->fingerprint(session->device(), nullptr, &print, nullptr), RLX_STATUS_OK);
  run.expect(run.facts().fingerprint == text("%.128s", print.text) && print.text[0], "the fingerprint is that of another process: " + run.facts().fingerprint,
             text("%.128s", print.text));
}

// ---- Host services

std::vector<std::string> host_cases(const Facts& facts, Profile) {
  if (!facts.usable()) return {};
  return {"log", "alloc", "trace", "threads", "cache", "all", "reverse", "alone", "forgetful"};
}

namespace {

HostOptions host_of(const std::string& key) {
  HostOptions options;
  if (key == "all") return HostOptions::all();
  options.log = key == "log";
  options.alloc = key == "alloc";
  options.trace = key == "trace";
  options.threads = key == "threads" || key == "reverse" || key == "alone";
  options.cache = key == "cache" || key == "forgetful";
  options.concurrency = 4;
  options.team = key == "alone" ? 1 : 3;
  options.reverse = key == "reverse";
  options.cache_damages = key == "forgetful";
  return options;
}

std::string outputs_under(Run& run, const std::shared_ptr<Library>& library, const rlx_host* host) {
  const auto session = Session::open(run, library, host);
  if (!session) return {};
  auto model = runnable(*session, {"param_f32", "two_steps_f32", "add_f32", "copy_f32"});
  return model && model->all(9) ? model->outputs() : std::string();
}

}  // namespace

void abi_host(Run& run) {
  if (!run.facts().usable()) return run.skip("the survey could not open device 0");
  const std::shared_ptr<Library> library = Library::load(run);
  if (!library) return;
  const std::string right = outputs_under(run, library, nullptr);
  if (right.empty()) return;
  Host host(host_of(run.key()));
  for (int round = 0; round < 2; ++round) {  // the second one finds what the first has cached
    const std::string seen = outputs_under(run, library, host.get());
    if (!run.equal("bytes of output with the service " + run.key(), seen.size(), right.size())) return;
    run.same_bytes("results with the service " + run.key() + ", beside those without services", seen.data(), right.data(), right.size());
  }
  run.equal("bytes of rlx.host.alloc/1 that are still held after close", host.live_bytes, 0);
}

}  // namespace rlx::conform
