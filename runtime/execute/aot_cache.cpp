// SPDX-License-Identifier: Apache-2.0
// Load and store. A miss costs a failed open; a hit one read, the hashes and the check of the image.
#include "runtime/execute/aot_cache.h"

#include <rlx/lir.h>

#include <algorithm>
#include <filesystem>

#include "runtime/base/check.h"
#include "runtime/execute/compile_options.h"
#include "runtime/execute/core_revision.h"
#include "runtime/execute/manifest.h"
#include "runtime/execute/package.h"
#include "runtime/execute/wire.h"
#include "runtime/ir/lir/image.h"

namespace rlx {
namespace {

std::string file_name(const AotKey& key) { return key.name() + std::string(kAotSuffix); }

std::string pair_text(std::string_view name, std::string_view value) { return join(name.size(), ":", name, "=", value.size(), ":", value, " "); }

std::string binding_text(const Binding& binding) {
  std::string text;
  for (const auto& [name, size] : binding) text += pair_text(name, std::to_string(size));
  return text;
}

Bytes bytes_of(const std::string& text) { return {reinterpret_cast<const std::byte*>(text.data()), text.size()}; }

/// The image's value must have the dtype and, at this binding, the dims of the template's.
bool same_shape(const lir::Value& seen, const Shape& wanted, const Binding& binding) {
  if (seen.dtype != wanted.dtype || seen.dims.size() != wanted.dims.size()) return false;
  for (std::size_t i = 0; i < seen.dims.size(); ++i) {
    const Result<std::int64_t> size = wanted.dims[i].evaluate(binding);
    if (!size || !seen.dims[i].is_number() || seen.dims[i].number() != *size) return false;
  }
  return true;
}

/// What runs checks tensors against the manifest, which is the template's: the image's tables must say the same.
bool same_inputs(const lir::Module& module, const Graph& graph, const Binding& binding) {
  return std::equal(module.inputs.begin(), module.inputs.end(), graph.inputs.begin(), graph.inputs.end(), [&](const lir::Io& seen, ValueId wanted) {
    const Value& value = graph.values[wanted];
    return seen.name == value.name && same_shape(module.values[seen.value], value.shape, binding);
  });
}

bool same_outputs(const lir::Module& module, const Graph& graph, const Binding& binding) {
  return std::equal(module.outputs.begin(), module.outputs.end(), graph.outputs.begin(), graph.outputs.end(), [&](const lir::Io& seen, const Output& wanted) {
    return seen.name == wanted.name && same_shape(module.values[seen.value], graph.values[wanted.value].shape, binding);
  });
}

bool same_states(const lir::Module& module, const Graph& graph) {
  return std::equal(module.states.begin(), module.states.end(), graph.states.begin(), graph.states.end(),
                    [](const lir::StatePair& a, const StatePair& b) { return a.input == b.input && a.output == b.output; });
}

bool same_params(const lir::Module& module, const Graph& graph) {
  return std::all_of(module.params.begin(), module.params.end(), [&](const lir::ParamRef& seen) {
    if (seen.set_index >= graph.params.size()) return false;
    const Param& wanted = graph.params[seen.set_index];
    const Shape& shape = graph.values[wanted.value].shape;
    return seen.name == wanted.name && seen.owned == (wanted.owned != nullptr) && seen.dtype == shape.dtype && seen.dims == shape.dims;
  });
}

Checked<lir::ImageHashes> check_image(const TemplateBody& from, const Binding& binding, Bytes image) {
  const Result<lir::Module> module = lir::read_image(image);
  if (!module) return flaw("image", module.error().message());
  if (module->template_hash != from.hash) return flaw("image", "its image is of template ", hex(module->template_hash), ", wanted ", hex(from.hash));
  if (!same_inputs(*module, *from.graph, binding)) return flaw("tables", "its inputs are not those of the template");
  if (!same_outputs(*module, *from.graph, binding)) return flaw("tables", "its outputs are not those of the template");
  if (!same_states(*module, *from.graph)) return flaw("tables", "its states are not those of the template");
  if (!same_params(*module, *from.graph)) return flaw("tables", "its params are not those of the template");
  const auto hashes = lir::image_hashes(image);
  if (!hashes) return flaw("image", hashes.error().message());
  return *hashes;
}

void write_report(ByteWriter& out, const DispatchReport& report) {
  for (const std::size_t number : {report.native, report.expanded, report.copies, report.notes.size()}) out.number(std::uint64_t{number});
  for (const std::string& note : report.notes) out.text(note);
}

Checked<DispatchReport> read_report(Bytes bytes) {
  ByteReader in(bytes);
  DispatchReport report;
  report.native = in.number<std::uint64_t>();
  report.expanded = in.number<std::uint64_t>();
  report.copies = in.number<std::uint64_t>();
  const auto notes = in.number<std::uint64_t>();
  for (std::uint64_t i = 0; i < notes && in.ok(); ++i) report.notes.emplace_back(in.text());
  if (!in.complete()) return flaw("report", "its dispatch report is not well formed");
  return report;
}

}  // namespace

/// Nothing of the process, the address space or a hash map's order enters it.
AotKey aot_key(const TemplateBody& from, const Binding& binding) {
  const DeviceReport& device = from.device->report();
  const std::string& identity = from.device->handle().plugin().file.identity;
  return {{{"format", std::to_string(kContainerVersion)},
           {"lir", std::to_string(RLX_LIR_VERSION)},
           {"core", RLX_CORE_REVISION},
           {"template", hex(from.hash)},
           {"binding", binding_text(binding)},
           {"options", specialize_text(from.options)},
           {"plugin", join(device.plugin_id, " ", device.plugin_version, " ", identity)},
           {"device", device.fingerprint}}};
}

namespace {

/// What only the template can say of a file.
Checked<AotVariant> check_variant(const TemplateBody& from, const Binding& binding, const AotKey& key, const Checked<AotFile>& file) {
  if (!file) return file.error();
  if (const std::string field = first_difference(file->key, key); !field.empty())
    return flaw("key", "its ", field, " is another than its name says");
  AotVariant variant;
  Specialized& made = variant.specialized;
  auto manifest = numeric_manifest(*from.graph, binding);
  if (!manifest) return flaw("tables", manifest.error().message());
  made.manifest = *std::move(manifest);
  const auto hashes = check_image(from, binding, file->image);
  if (!hashes) return hashes.error();
  auto report = read_report(file->report);
  if (!report) return report.error();
  made.report = *std::move(report);
  made.binding = binding;
  made.keepalive = file->memory;
  made.image = file->image;
  made.graph_hash = hex(hashes->graph);
  made.template_hash = hex(from.hash);
  variant.artifact = file->artifact;
  return variant;
}

}  // namespace

std::optional<AotVariant> AotCache::load(const TemplateBody& from, const Binding& binding) {
  const bool packaged = from.origin && !from.origin->variants.empty();
  if (options_.folder.empty() && !packaged) return std::nullopt;
  if (!check_binding(*from.graph, binding)) return std::nullopt;  // specializing says what is wrong with it
  const AotKey key = aot_key(from, binding);
  if (!options_.folder.empty())
    if (auto kept = load_kept(from, binding, key)) return kept;
  return packaged ? load_packaged(from, binding, key) : std::nullopt;
}

/// The code that it carries is left alone unless it was said to be as good as a plugin.
std::optional<AotVariant> AotCache::load_packaged(const TemplateBody& from, const Binding& binding, const AotKey& key) {
  const auto found = from.origin->variants.find(key.name());
  if (found == from.origin->variants.end()) return std::nullopt;
  Checked<AotVariant> variant = check_variant(from, binding, key, copy_aot_file(found->second));
  if (!variant) {
    say(LogLevel::kWarning, join("variant ", key.name(), " that the package of `", from.name, "` carries is not used (", variant.error().word,
                                 "): ", variant.error().sentence, "; it is made again"));
    return std::nullopt;
  }
  if (!options_.package_code) variant->artifact = {};
  const std::lock_guard lock(mutex_);
  ++counters_.packaged;
  return *std::move(variant);
}

std::optional<AotVariant> AotCache::load_kept(const TemplateBody& from, const Binding& binding, const AotKey& key) {
  Checked<AotVariant> variant = check_variant(from, binding, key, read_aot_file(options_.folder, file_name(key), options_.budget_bytes, true));
  if (variant) variant->stored = true;
  {
    const std::lock_guard lock(mutex_);
    ++(variant ? counters_.hits : counters_.misses);
    if (!variant) ++counters_.reasons[variant.error().word];
  }
  if (variant) return *std::move(variant);
  const bool absent = variant.error().word == "absent";
  say(absent ? LogLevel::kDebug : LogLevel::kWarning,
      join("cached variant ", key.name(), " of `", from.name, "` is not used (", variant.error().word, "): ", variant.error().sentence,
           absent ? "" : "; it is made again"));
  return std::nullopt;
}

namespace {

/// A variant as sections; holds the bytes that are nowhere else.
struct VariantSections {
  VariantSections(const AotKey& key, const Specialized& specialized, const Artifact& artifact) : text(key.text()) {
    write_report(report, specialized.report);
    add(AotSection::kKey, bytes_of(text));
    add(AotSection::kImage, specialized.image);
    add(AotSection::kReport, report.bytes());
    if (artifact.empty()) return;
    add(AotSection::kCompat, artifact.compat);
    add(AotSection::kArtifact, artifact.code);
  }
  VariantSections(const VariantSections&) = delete;
  VariantSections& operator=(const VariantSections&) = delete;
  void add(AotSection kind, Bytes bytes) { all.push_back({static_cast<std::uint32_t>(kind), {bytes}}); }

  std::string text;
  ByteWriter report;
  std::vector<SectionSource> all;
};

}  // namespace

std::vector<std::byte> aot_file(const TemplateBody& from, const Specialized& specialized, const Artifact& artifact) {
  return container_file(ContainerKind::kVariant, VariantSections(aot_key(from, specialized.binding), specialized, artifact).all);
}

void AotCache::store(const TemplateBody& from, const Specialized& specialized, const Artifact& artifact) {
  if (options_.folder.empty()) return;
  const AotKey key = aot_key(from, specialized.binding);
  const std::string name = file_name(key);
  const VariantSections parts(key, specialized, artifact);
  const std::vector<SectionSource>& sections = parts.all;
  const std::uint64_t bytes = container_bytes(sections);
  const Status stored = guard([&]() -> Status {
    if (bytes > options_.budget_bytes)
      return fail(ErrorCode::kFileUnwritable, "it needs ", bytes, " bytes of a budget of ", options_.budget_bytes);
    std::error_code error;
    std::filesystem::create_directories(options_.folder, error);  // what is wrong with it, writing says
    return write_container(std::filesystem::path(options_.folder) / name, ContainerKind::kVariant, sections, Durable::kWritten);
  });
  const std::uint64_t evicted = stored ? evict(bytes, name) : 0;
  const std::string error = stored ? std::string() : join("variant ", key.name(), " of `", from.name, "` is not kept: ", stored.error().message());
  if (!stored) say(LogLevel::kWarning, error);
  const std::lock_guard lock(mutex_);
  ++(stored ? counters_.stores : counters_.failed_stores);
  if (!stored) counters_.store_error = error;
  counters_.exports += stored && !artifact.empty();
  counters_.evictions += evicted;
}

/// Looks through the folder where `bytes` more may not fit; a half of what was free is left to other processes.
std::uint64_t AotCache::evict(std::uint64_t bytes, const std::string& just_written) {
  {
    const std::lock_guard lock(mutex_);
    if (bytes <= unswept_bytes_) return unswept_bytes_ -= bytes, 0;
  }
  const auto sweep = sweep_folder(options_.folder, options_.budget_bytes, just_written, false);
  if (!sweep) return 0;
  const std::lock_guard lock(mutex_);
  unswept_bytes_ = sweep->bytes < options_.budget_bytes ? (options_.budget_bytes - sweep->bytes) / 2 : 0;
  return sweep->removed_files;
}

Result<std::shared_ptr<Executable>> AotCache::executable(const TemplateBody& from, const AotVariant& variant, const CompileRequest& request) {
  const DeviceBody& device = *from.device;
  if (!variant.artifact.empty()) {
    auto imported = Executable::import(device, request, variant.artifact, variant.specialized.keepalive);
    if (!imported && is_of_the_call(imported.error())) return imported;
    if (!imported)
      say(LogLevel::kWarning, join("device code of a kept variant of `", from.name, "` is not used (artifact): ", imported.error().message(),
                                   "; it is compiled again"));
    const std::lock_guard lock(mutex_);
    if (imported) return ++counters_.imports, imported;
    ++counters_.reasons["artifact"];
  }
  RLX_ASSIGN(std::shared_ptr<Executable> made, Executable::compile(device, request));
  keep(from, variant, *made, request.call);
  return made;
}

/// An entry that already is what it can be stays as it is.
void AotCache::keep(const TemplateBody& from, const AotVariant& variant, const Executable& made, const rlx_call* call) {
  if (options_.folder.empty()) return;
  const auto exported = guard([&] { return from.device->handle().export_artifact(made.handle(), call); });
  if (!exported) say(LogLevel::kWarning, join("device code of a variant of `", from.name, "` is not kept: ", exported.error().message()));
  Artifact artifact;
  if (exported && *exported) artifact = {(*exported)->compat, (*exported)->code};
  if (artifact.empty() && variant.stored && variant.artifact.empty()) return;
  store(from, variant.specialized, artifact);
}

AotCounters AotCache::counters() const {
  const std::lock_guard lock(mutex_);
  return counters_;
}

}  // namespace rlx
