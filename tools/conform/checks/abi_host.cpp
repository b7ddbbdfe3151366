// SPDX-License-Identifier: Apache-2.0
// ABI-01, 02, 07, 09, 10, 11: the file, the handshake, what the host hands over and what it offers.
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

template <std::size_t N>
bool padded(const char (&chars)[N]) {
  const std::size_t size = strnlen(chars, N);
  for (std::size_t i = size; i < N; ++i)
    if (chars[i]) return false;
  return size < N;
}

void check_texts(Run& run, const rlx_descriptor& own) {
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
  run.expect(!(own.flags & ~RLX_PLUGIN_FLAG_UNLOAD_SAFE), "no unknown flag is set", number(own.flags));
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
  run.expect(!(info.flags & ~63u), "no unknown device flag is set", number(info.flags));
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

// ---- Arrays with a stride

namespace {

constexpr std::size_t kGap = 24;
constexpr unsigned char kGarbage = 0x93;

/// Rows with garbage between them; the stride is sizeof(Row) + kGap.
template <class Row>
class Spread {
 public:
  Spread(const Row* rows, std::size_t count) : count_(count), memory_(count * stride(), alignof(Row)) {
    memory_.fill(kGarbage);
    for (std::size_t i = 0; i < count; ++i) memcpy(static_cast<void*>(memory_.data() + i * stride()), rows + i, sizeof(Row));
  }
  static constexpr std::uint32_t stride() { return sizeof(Row) + kGap; }
  Row* rows() { return reinterpret_cast<Row*>(memory_.data()); }
  const Row& row(std::size_t i) const { return *reinterpret_cast<const Row*>(memory_.data() + i * stride()); }
  bool gaps_intact() const {
    for (std::size_t i = 0; i < count_; ++i)
      for (std::size_t k = sizeof(Row); k < stride(); ++k)
        if (memory_.data()[i * stride() + k] != kGarbage) return false;
    return true;
  }

 private:
  std::size_t count_;
  Guarded memory_;
};

/// The defaults of every option of a scope, as a caller would set them.
std::vector<rlx_option> defaults(const Facts& facts, std::uint32_t scope) {
  std::vector<rlx_option> out;
  for (const OptionFact& fact : facts.options)
    if (fact.scope == scope && !fact.value.empty())
      out.push_back({{fact.key.data(), fact.key.size()}, {fact.value.data(), fact.value.size()}});
  return out;
}

/// A call with the options of its scope spread out.
template <class In>
void options_of(Bench& bench, const char* slot, std::uint32_t scope) {
  Run& run = bench.run();
  const std::vector<rlx_option> rows = defaults(run.facts(), scope);
  if (rows.empty()) return run.unsupported("the plugin has no option of this scope");
  const SlotDriver* driver = slot_driver(slot);
  const StructRow* out_row = struct_row(slot_row(slot)->out);
  std::vector<std::uint64_t> in(sizeof(In) / 8 + 1), out(out_row->size / 8 + 1);
  if (!driver->ready(bench, in.data())) return;
  Spread<rlx_option> spread(rows.data(), rows.size());
  auto& typed = *reinterpret_cast<In*>(in.data());
  typed.options = spread.rows();
  typed.option_count = static_cast<std::uint32_t>(rows.size());
  typed.option_stride = Spread<rlx_option>::stride();
  memcpy(out.data(), &out_row->size, 4);
  auto error = roomy<rlx_error>();
  run.phase(slot);
  const std::int32_t status = driver->call(bench, in.data(), out.data(), &error);
  run.status(std::string(slot) + " with its default options, spread out", status, RLX_STATUS_OK, error.message);
  driver->done(bench, status == RLX_STATUS_OK ? out.data() : nullptr);
  run.expect(spread.gaps_intact(), "the gaps are untouched", "they are written");
}

void spread_verdicts(Bench& bench) {
  Run& run = bench.run();
  rlx_query_support_in in;
  slot_driver("rlx.compile/1.query_support")->ready(bench, &in);
  auto out = roomy<rlx_query_support_out>();
  const auto query = [&] { return bench.tables().compile->query_support(bench.session->device(), &in, &out, nullptr); };
  run.phase("query_support");
  run.status("query_support", query(), RLX_STATUS_OK);
  const std::vector<rlx_verdict> right = bench.verdicts;
  std::vector<rlx_verdict> empty(right.size());
  Spread<rlx_verdict> spread(empty.data(), empty.size());
  in.verdicts = spread.rows();
  in.verdict_stride = Spread<rlx_verdict>::stride();
  run.status("query_support with verdicts spread out", query(), RLX_STATUS_OK);
  for (std::size_t i = 0; i < right.size(); ++i)
    run.expect(spread.row(i).verdict == right[i].verdict && !memcmp(spread.row(i).reason, right[i].reason, sizeof right[i].reason),
               text("verdict %zu lies at its stride", i), "another verdict");
  run.expect(spread.gaps_intact(), "gaps between verdicts are untouched", "they are written");
}

void spread_views(Bench& bench) {
  Run& run = bench.run();
  Model& model = *bench.model;
  if (!model.run(6)) return;
  const std::string right = model.outputs();
  model.fill(6);
  rlx_execute_in in = model.execute_in();
  Spread<rlx_view> inputs(in.inputs, in.input_count), outputs(in.outputs, in.output_count);
  in.inputs = inputs.rows();
  in.outputs = outputs.rows();
  in.input_stride = in.output_stride = Spread<rlx_view>::stride();
  auto error = roomy<rlx_error>();
  run.phase("execute");
  run.status("execute with views spread out", bench.tables().execute->execute(model.context(), &in, nullptr, &error), RLX_STATUS_OK, error.message);
  run.same_bytes("outputs", model.outputs().data(), right.data(), right.size());
}

void spread_arenas(Run& run) {
  const auto session = Session::open(run);
  if (!session) return;
  auto model = runnable(*session, {"two_steps_f32", "param_f32", "add_f32", "copy_f32"});
  if (!model || !model->all(6)) return;
  const std::string right = model->outputs();
  if (model->arenas().empty()) return run.unsupported("the executable wants no arena");
  Spread<rlx_arena> spread(model->arenas().data(), model->arenas().size());
  rlx_context_create_in in = sized<rlx_context_create_in>();
  in.arenas = spread.rows();
  in.arena_count = static_cast<std::uint32_t>(model->arenas().size());
  in.arena_stride = Spread<rlx_arena>::stride();
  auto out = roomy<rlx_context_create_out>();
  run.phase("context_create");
  if (!run.status("context_create with arenas spread out", session->tables().execute->context_create(model->executable(), &in, &out, nullptr), RLX_STATUS_OK)) return;
  model->fill(6);
  const rlx_execute_in run_in = model->execute_in();
  run.phase("execute");
  run.status("execute in that context", session->tables().execute->execute(out.context, &run_in, nullptr, nullptr), RLX_STATUS_OK);
  run.same_bytes("outputs", model->outputs().data(), right.data(), right.size());
  run.phase("context_destroy");
  session->tables().execute->context_destroy(out.context);
}

}  // namespace

std::vector<std::string> stride_cases(const Facts& facts, Profile) {
  if (!facts.usable()) return {};
  return {"open.options", "device.options", "compile.options", "query.options", "verdicts", "views", "arenas"};
}

void abi_strides(Run& run) {
  if (run.key() == "arenas") return spread_arenas(run);
  const auto bench = Bench::open(run);
  if (!bench) return;
  if (run.key() == "open.options") options_of<rlx_open_in>(*bench, "rlx.plugin/1.open", 0);
  if (run.key() == "device.options") options_of<rlx_device_open_in>(*bench, "rlx.device/1.open", 1);
  if (run.key() == "compile.options") options_of<rlx_compile_in>(*bench, "rlx.compile/1.compile_lir", 2);
  if (run.key() == "query.options") options_of<rlx_query_support_in>(*bench, "rlx.compile/1.query_support", 2);
  if (run.key() == "verdicts") spread_verdicts(*bench);
  if (run.key() == "views") spread_views(*bench);
}

}  // namespace rlx::conform
