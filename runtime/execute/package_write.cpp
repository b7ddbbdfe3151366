// SPDX-License-Identifier: Apache-2.0
// Writing packages: the passes run here once, weights are hashed, and a device packs them if it is asked to.
#include <algorithm>
#include <filesystem>

#include "runtime/base/check.h"
#include "runtime/compile/pipeline.h"
#include "runtime/execute/aot_cache.h"
#include "runtime/execute/empty_model.h"
#include "runtime/execute/entry.h"
#include "runtime/execute/package.h"
#include "runtime/execute/template_body.h"
#include "runtime/execute/variant.h"
#include "runtime/execute/wire.h"
#include "runtime/ir/text.h"

namespace rlx {
namespace {

Bytes bytes_of(const std::string& text) { return {reinterpret_cast<const std::byte*>(text.data()), text.size()}; }

/// What is written, and where its bytes lie now.
struct Contents {
  std::shared_ptr<Graph> graph;  // optimised
  Hash128 template_hash;
  std::vector<PackageTensor> tensors;
  std::vector<Bytes> weights;    // one per tensor
  std::vector<PackagePack> packs;
  std::vector<Bytes> packed;     // one per pack
  std::vector<std::vector<std::byte>> variants;  // files
  std::string packed_for;
};

Result<std::shared_ptr<Graph>> optimised(const Model& model, bool fuse) {
  RLX_TRY(check_made(model));
  auto graph = std::make_shared<Graph>(model.graph());
  if (model.origin()) {
    if (model.origin()->fused == fuse) return graph;
    return fail(ErrorCode::kInvalidArgument, "the model comes from a package of ", model.origin()->fused ? "a fused" : "an unfused", " graph, wanted the other");
  }
  OptimizeOptions options;
  options.fuse = fuse;
  RLX_TRY(optimize(*graph, options));
  return graph;
}

const ParamSource* weight_of(const Model& model, const std::string& name) {
  for (const ParamSource& weight : model.weights())
    if (weight.name == name) return &weight;
  return nullptr;
}

Status check_weight(const Param& param, const Shape& shape, const ParamSource& weight) {
  const auto bytes = static_cast<std::uint64_t>(shape.elements().number()) * dtype_bytes(shape.dtype);
  if (weight.view.dtype == shape.dtype && weight.view.bytes == bytes && (weight.view.data || !bytes)) return {};
  return fail(ErrorCode::kWrongSize, "param `", param.name, "` has ", weight.view.bytes, " bytes of ", dtype_name(weight.view.dtype), ", wanted ", bytes,
              " of ", dtype_name(shape.dtype));
}

Status collect_weights(const Model& model, Contents& out) {
  for (std::uint32_t i = 0; i < out.graph->params.size(); ++i) {
    const Param& param = out.graph->params[i];
    PackageTensor row;
    row.param = i;
    row.owned = param.owned != nullptr;
    if (row.owned) {
      out.weights.push_back(*param.owned);
    } else {
      const ParamSource* weight = weight_of(model, param.name);
      if (!weight) continue;
      RLX_TRY(check_weight(param, out.graph->values[param.value].shape, *weight));
      out.weights.push_back({static_cast<const std::byte*>(weight->view.data), weight->view.bytes});
    }
    row.bytes = out.weights.back().size();
    row.hash = hash_bytes(out.weights.back());
    out.tensors.push_back(row);
  }
  const std::vector<std::uint64_t> offsets = piece_offsets(out.weights);
  for (std::size_t i = 0; i < offsets.size(); ++i) out.tensors[i].offset = offsets[i];
  return {};
}

/// The model as a reader of the package will see it, so that packs get the keys that they will be asked for by.
Model packaged_model(const Model& model, const Contents& contents, bool fused) {
  std::vector<ParamSource> weights;
  for (const PackageTensor& tensor : contents.tensors) {
    if (tensor.owned) continue;
    weights.push_back(*weight_of(model, contents.graph->params[tensor.param].name));
    weights.back().hash = {tensor.hash.low, tensor.hash.high};
    if (!weights.back().keepalive) weights.back().keepalive = contents.graph;  // the caller's memory outlives the call
  }
  Model packaged(contents.graph, std::move(weights));
  auto origin = std::make_shared<ModelOrigin>();
  origin->fused = fused;
  packaged.set_origin(std::move(origin));
  return packaged;
}

Binding least_shape(const Graph& graph) {
  Binding shape;
  for (const auto& [name, range] : graph.symbols) shape[name] = range.least;
  return shape;
}

/// What keeps packs in memory: a set, and the variant whose executable it is prepared for.
struct Held {
  CompiledGraph graph;
  std::shared_ptr<const SealedSet> set;
};

/// Packs of a variant that are not in yet. Lifetime: the bytes are those of what is returned.
Result<Held> collect_packs(const CompiledGraph& graph, Contents& out) {
  const VariantBody& variant = *graph.body();
  RLX_ASSIGN(const ParamStore::Acquired acquired, variant.from().params->acquire());
  const std::shared_ptr<const SealedSet>& set = acquired.set;
  RLX_TRY(variant.executable()->prepare(set));
  RLX_ASSIGN(const std::vector<PackInfo> packs, set->handle.packs(variant.executable()->handle()));
  for (const PackInfo& pack : packs) {
    const auto same = [&](const PackagePack& known) { return known.key == pack.key; };
    if (pack.key == Hash128{} || std::any_of(out.packs.begin(), out.packs.end(), same)) continue;
    out.packs.push_back({pack.key, 0, pack.bytes.size(), hash_bytes(pack.bytes)});
    out.packed.push_back(pack.bytes);
  }
  return Held{graph, set};
}

/// The variant as the pipeline compiled it, with its code where the backend hands it out. Where the executable is another
/// variant's its code is not of this image, and stays out.
Status collect_variant(ModelCompilePipeline& pipeline, const Template& made, const CompiledGraph& graph, bool own_code, Contents& out) {
  RLX_ASSIGN(const Specialized specialized, pipeline.specialize_template(made, graph.binding()));
  std::optional<ArtifactBytes> code;
  if (own_code) {
    RLX_ASSIGN(code, made.body()->device->handle().export_artifact(graph.body()->executable()->handle()));
  }
  out.variants.push_back(aot_file(*made.body(), specialized, code ? Artifact{code->compat, code->code} : Artifact()));
  return {};
}

/// What is returned holds the packs until the file is written.
Result<std::vector<Held>> pack(const Model& model, const PackageOptions& options, Contents& out) {
  std::vector<Held> held;
  RLX_ASSIGN(ModelCompilePipeline pipeline, ModelCompilePipeline::create(options.device));
  CompileOptions compile;
  compile.fuse = options.fuse;
  RLX_ASSIGN(const Template made, pipeline.build_template("package", packaged_model(model, out, options.fuse), compile));
  std::vector<Binding> shapes = options.shapes;
  if (shapes.empty()) shapes.push_back(least_shape(*out.graph));
  for (const Binding& shape : shapes) {
    const std::uint64_t misses = pipeline.counters().misses, shared = pipeline.counters().shared;
    RLX_ASSIGN(const CompiledGraph graph, pipeline.get_or_compile(made, shape));
    if (!options.shapes.empty() && pipeline.counters().misses > misses)  // each shape once
      RLX_TRY(collect_variant(pipeline, made, graph, pipeline.counters().shared == shared, out));
    if (!graph.unset_params().empty()) continue;  // nothing to pack
    RLX_ASSIGN(held.emplace_back(), collect_packs(graph, out));
  }
  const std::vector<std::uint64_t> offsets = piece_offsets(out.packed);
  for (std::size_t i = 0; i < offsets.size(); ++i) out.packs[i].offset = offsets[i];
  const DeviceReport& device = options.device.report();
  if (!out.packs.empty() || !out.variants.empty()) out.packed_for = join(device.plugin_id, " ", device.plugin_version, ", ", device.fingerprint);
  return held;
}

/// Name and hash of the file that the model came from; a file that is not there any more has a name alone.
Status write_manifest(ByteWriter& out, const Contents& contents, const PackageOptions& options) {
  out.number(kPackageVersion);
  out.text(version());
  out.text(std::filesystem::path(options.source).filename().string());
  const auto source = options.source.empty() ? Result<std::shared_ptr<const MappedFile>>(fail(ErrorCode::kFileNotFound, "")) : MappedFile::open(options.source);
  out.text(source ? hex(hash_bytes((*source)->bytes())) : std::string());
  out.text(contents.packed_for);
  out.hash(contents.template_hash);
  out.number(std::uint8_t{options.fuse});
  out.number(static_cast<std::uint32_t>(options.shapes.size()));
  for (const Binding& shape : options.shapes) {
    RLX_TRY(check_binding(*contents.graph, shape));
    out.number(static_cast<std::uint32_t>(shape.size()));
    for (const auto& [name, size] : shape) {
      out.text(name);
      out.number(size);
    }
  }
  return {};
}

/// Rows of the variants, and their files.
std::vector<Bytes> write_variants(ByteWriter& rows, const Contents& contents) {
  const std::vector<Bytes> files(contents.variants.begin(), contents.variants.end());
  const std::vector<std::uint64_t> offsets = piece_offsets(files);
  for (std::size_t i = 0; i < files.size(); ++i) {
    rows.number(offsets[i]);
    rows.number(std::uint64_t{files[i].size()});
  }
  return files;
}

void write_tables(ByteWriter& tensors, ByteWriter& packs, const Contents& contents) {
  for (const PackageTensor& tensor : contents.tensors) {
    tensors.number(tensor.param);
    tensors.number(std::uint32_t{tensor.owned});
    tensors.number(tensor.offset);
    tensors.number(tensor.bytes);
    tensors.hash(tensor.hash);
  }
  for (const PackagePack& pack : contents.packs) {
    packs.hash(pack.key);
    packs.number(pack.offset);
    packs.number(pack.bytes);
    packs.hash(pack.hash);
  }
}

Status write_contents(const std::string& path, const Contents& contents, const PackageOptions& options) {
  ByteWriter manifest, tensors, packs, variants;
  RLX_TRY(write_manifest(manifest, contents, options));
  write_tables(tensors, packs, contents);
  Graph bare = *contents.graph;  // owned bytes lie among the weights
  for (Param& param : bare.params) param.owned = nullptr;
  const std::string text = print(bare);
  std::vector<SectionSource> sections = {{static_cast<std::uint32_t>(PackageSection::kManifest), {manifest.bytes()}},
                                         {static_cast<std::uint32_t>(PackageSection::kGraph), {bytes_of(text)}},
                                         {static_cast<std::uint32_t>(PackageSection::kTensors), {tensors.bytes()}}};
  if (!contents.packs.empty()) sections.push_back({static_cast<std::uint32_t>(PackageSection::kPacks), {packs.bytes()}});
  const std::vector<Bytes> files = write_variants(variants, contents);
  if (!files.empty()) {
    sections.push_back({static_cast<std::uint32_t>(PackageSection::kVariants), {variants.bytes()}});
    sections.push_back({static_cast<std::uint32_t>(PackageSection::kVariantFiles), files});
  }
  sections.push_back({static_cast<std::uint32_t>(PackageSection::kWeights), contents.weights});
  if (!contents.packs.empty()) sections.push_back({static_cast<std::uint32_t>(PackageSection::kPacked), contents.packed});
  return write_container(path, ContainerKind::kPackage, sections);
}

}  // namespace

Result<PackageInfo> write_package(const std::string& path, const Model& model, const PackageOptions& options) {
  return entry([&]() -> Result<PackageInfo> {
    Contents contents;
    RLX_ASSIGN(contents.graph, optimised(model, options.fuse));
    const std::string text = print(*contents.graph);
    contents.template_hash = hash_bytes(bytes_of(text));
    RLX_TRY(collect_weights(model, contents));
    std::vector<Held> held;
    if (options.device.body()) {
      RLX_ASSIGN(held, pack(model, options, contents));
    }
    RLX_TRY(write_contents(path, contents, options));
    RLX_ASSIGN(const Package written, open_package(path));
    return written.info();
  });
}

}  // namespace rlx
