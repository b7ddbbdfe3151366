// SPDX-License-Identifier: Apache-2.0
// Reading packages without trust: every count is bounded by the bytes that are there, every place by its section.
#include <algorithm>
#include <atomic>

#include "runtime/base/thread_team.h"
#include "runtime/base/utf8.h"
#include "runtime/compile/specialize.h"
#include "runtime/execute/aot_cache.h"
#include "runtime/execute/package.h"
#include "runtime/execute/wire.h"
#include "runtime/ir/text.h"
#include "runtime/ir/verify.h"

namespace rlx {
namespace {

constexpr std::size_t kTensorRow = 40, kPackRow = 48, kVariantRow = 16;

constexpr std::uint32_t number(PackageSection section) { return static_cast<std::uint32_t>(section); }

Checked<Bytes> section(const Container& container, PackageSection kind) { return container.verified(number(kind)); }

Checked<Binding> read_shape(ByteReader& in) {
  Binding shape;
  const std::uint32_t symbols = in.count(12);
  for (std::uint32_t i = 0; i < symbols; ++i) {
    const std::string name(in.text());
    if (!shape.emplace(name, in.number<std::int64_t>()).second) return flaw("manifest", "a shape binds `", name, "` twice");
  }
  return shape;
}

Checked<PackageInfo> read_manifest(Bytes bytes) {
  ByteReader in(bytes);
  PackageInfo info;
  if (const auto version = in.number<std::uint32_t>(); version != kPackageVersion)
    return flaw("version", "it is a package of version ", version, ", this runtime reads ", kPackageVersion);
  info.made_by = in.text();
  info.source = in.text();
  info.source_hash = in.text();
  info.packed_for = in.text();
  info.template_hash = hex(in.hash());
  const auto fused = in.number<std::uint8_t>();
  info.fused = fused == 1;
  const std::uint32_t shapes = in.count(4);
  for (std::uint32_t i = 0; i < shapes; ++i) {
    auto shape = read_shape(in);
    if (!shape) return shape.error();
    info.shapes.push_back(*std::move(shape));
  }
  if (!in.complete() || fused > 1) return flaw("manifest", "its manifest is not well formed");
  for (const std::string* text : {&info.made_by, &info.source, &info.source_hash, &info.packed_for})
    if (!is_utf8(*text)) return flaw("manifest", "a text of its manifest is no UTF-8");
  return info;
}

Checked<Graph> read_graph(Bytes bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!is_utf8(text)) return flaw("graph", "its graph is no UTF-8");
  Result<Graph> graph = parse_graph(text);
  if (!graph) return flaw("graph", graph.error().message());
  if (const Status sound = verify(*graph); !sound) return flaw("graph", sound.error().message());
  return *std::move(graph);
}

/// Bytes of a dense tensor; nothing for what no tensor can have.
std::optional<std::uint64_t> bytes_of(const Shape& shape) {
  std::uint64_t bytes = dtype_bytes(shape.dtype);
  for (const Dim& dim : shape.dims)
    if (!dim.is_number() || dim.number() < 0 || __builtin_mul_overflow(bytes, static_cast<std::uint64_t>(dim.number()), &bytes)) return std::nullopt;
  return bytes;
}

/// Places follow each other on borders of 64, so none overlap; `end` is where the one before ended.
bool next_place(std::uint64_t offset, std::uint64_t bytes, std::uint64_t total, std::uint64_t& end) {
  if (offset != ((end + 63) & ~std::uint64_t{63}) || offset > total || bytes > total - offset) return false;
  end = offset + bytes;
  return true;
}

Checked<std::vector<PackageTensor>> read_tensors(Bytes table, Bytes weights, const Graph& graph) {
  if (table.size() % kTensorRow != 0) return flaw("tensors", "its table of tensors has ", table.size(), " bytes, wanted a multiple of ", kTensorRow);
  ByteReader in(table);
  std::vector<PackageTensor> tensors;
  std::uint64_t end = 0;
  for (std::size_t i = 0; i < table.size() / kTensorRow; ++i) {
    PackageTensor tensor;
    tensor.param = in.number<std::uint32_t>();
    const auto owned = in.number<std::uint32_t>();
    tensor.owned = owned == 1;
    tensor.offset = in.number<std::uint64_t>();
    tensor.bytes = in.number<std::uint64_t>();
    tensor.hash = in.hash();
    if (owned > 1 || tensor.param >= graph.params.size() || (i > 0 && tensor.param <= tensors.back().param))
      return flaw("tensors", "tensor ", i, " is of param ", tensor.param, " of ", graph.params.size(), ", wanted ascending ones");
    const Param& param = graph.params[tensor.param];
    const auto wanted = bytes_of(graph.values[param.value].shape);
    if (!wanted || *wanted != tensor.bytes || param.owned)
      return flaw("tensors", "param `", param.name, "` has ", tensor.bytes, " bytes, wanted ", wanted ? *wanted : 0);
    if (!next_place(tensor.offset, tensor.bytes, weights.size(), end))
      return flaw("tensors", "param `", param.name, "` lies at ", tensor.offset, " with ", tensor.bytes, " bytes of ", weights.size());
    tensors.push_back(tensor);
  }
  if (end != weights.size()) return flaw("tensors", "its tensors end at ", end, " of ", weights.size(), " bytes");
  return tensors;
}

Checked<std::vector<PackagePack>> read_packs(Bytes table, Bytes packed) {
  if (table.size() % kPackRow != 0) return flaw("packs", "its table of packs has ", table.size(), " bytes, wanted a multiple of ", kPackRow);
  ByteReader in(table);
  std::vector<PackagePack> packs;
  std::uint64_t end = 0;
  for (std::size_t i = 0; i < table.size() / kPackRow; ++i) {
    PackagePack pack;
    pack.key = in.hash();
    pack.offset = in.number<std::uint64_t>();
    pack.bytes = in.number<std::uint64_t>();
    pack.hash = in.hash();
    if (pack.key == Hash128{}) return flaw("packs", "pack ", i, " has no key");
    if (!next_place(pack.offset, pack.bytes, packed.size(), end))
      return flaw("packs", "pack ", i, " lies at ", pack.offset, " with ", pack.bytes, " bytes of ", packed.size());
    packs.push_back(pack);
  }
  if (end != packed.size()) return flaw("packs", "its packs end at ", end, " of ", packed.size(), " bytes");
  return packs;
}

Checked<std::vector<PackageVariant>> read_variants(Bytes table, Bytes files) {
  if (table.size() % kVariantRow != 0) return flaw("variants", "its table of variants has ", table.size(), " bytes, wanted a multiple of ", kVariantRow);
  ByteReader in(table);
  std::vector<PackageVariant> variants;
  std::uint64_t end = 0;
  for (std::size_t i = 0; i < table.size() / kVariantRow; ++i) {
    PackageVariant variant;
    variant.offset = in.number<std::uint64_t>();
    variant.bytes = in.number<std::uint64_t>();
    if (!next_place(variant.offset, variant.bytes, files.size(), end))
      return flaw("variants", "variant ", i, " lies at ", variant.offset, " with ", variant.bytes, " bytes of ", files.size());
    const auto key = key_of_aot_file(files.subspan(variant.offset, variant.bytes));
    if (!key) return flaw("variants", "variant ", i, ": ", key.error().sentence);
    variant.key = key->name();
    variants.push_back(std::move(variant));
  }
  if (end != files.size()) return flaw("variants", "its variants end at ", end, " of ", files.size(), " bytes");
  return variants;
}

/// Those of a package that has any.
Checked<void> read_variants(const Container& container, PackageContents& contents) {
  const ContainerSection* files = container.find(number(PackageSection::kVariantFiles));
  if ((files != nullptr) != (container.find(number(PackageSection::kVariants)) != nullptr)) return flaw("missing", "it has variants without their table, or the table alone");
  if (!files) return {};
  const auto rows = section(container, PackageSection::kVariants);
  if (!rows) return rows.error();
  contents.variant_files = files->bytes;
  contents.variant_hash = files->hash;
  auto variants = read_variants(*rows, contents.variant_files);
  if (!variants) return variants.error();
  contents.variants = *std::move(variants);
  return {};
}

/// Owned bytes belong to the graph and are copied: they are constants, small beside weights.
void give_owned(PackageContents& contents) {
  for (const PackageTensor& tensor : contents.tensors) {
    if (!tensor.owned) continue;
    const Bytes bytes = contents.weights.subspan(tensor.offset, tensor.bytes);
    contents.graph.params[tensor.param].owned = std::make_shared<const std::vector<std::byte>>(bytes.begin(), bytes.end());
  }
}

Checked<void> check_shapes(const PackageContents& contents) {
  for (const Binding& shape : contents.info.shapes)
    if (const Status fits = check_binding(contents.graph, shape); !fits) return flaw("manifest", "a shape does not fit: ", fits.error().message());
  return {};
}

/// The parts that refer to each other, in order.
Checked<PackageContents> read_sections(const Container& container) {
  PackageContents contents;
  const auto manifest = section(container, PackageSection::kManifest);
  if (!manifest) return manifest.error();
  auto info = read_manifest(*manifest);
  if (!info) return info.error();
  contents.info = *std::move(info);
  const auto text = section(container, PackageSection::kGraph);
  if (!text) return text.error();
  auto graph = read_graph(*text);
  if (!graph) return graph.error();
  contents.graph = *std::move(graph);
  const auto table = section(container, PackageSection::kTensors);
  if (!table) return table.error();
  const ContainerSection* weights = container.find(number(PackageSection::kWeights));
  if (!weights) return flaw("missing", "it has no section of weights");
  contents.weights = weights->bytes;
  auto tensors = read_tensors(*table, contents.weights, contents.graph);
  if (!tensors) return tensors.error();
  contents.tensors = *std::move(tensors);
  if (auto variants = read_variants(container, contents); !variants) return variants.error();
  const ContainerSection* packed = container.find(number(PackageSection::kPacked));
  if ((packed != nullptr) != (container.find(number(PackageSection::kPacks)) != nullptr)) return flaw("missing", "it has packs without their table, or the table alone");
  if (!packed) return contents;
  const auto rows = section(container, PackageSection::kPacks);
  if (!rows) return rows.error();
  contents.packed = packed->bytes;
  auto packs = read_packs(*rows, contents.packed);
  if (!packs) return packs.error();
  contents.packs = *std::move(packs);
  return contents;
}

void count(PackageContents& contents, std::uint64_t file_bytes) {
  contents.info.bytes = file_bytes;
  contents.info.tensors = contents.tensors.size();
  contents.info.packs = contents.packs.size();
  contents.info.variants = contents.variants.size();
  contents.info.variant_bytes = contents.variant_files.size();
  for (const PackageTensor& tensor : contents.tensors) contents.info.weight_bytes += tensor.bytes;
  for (const PackagePack& pack : contents.packs) contents.info.packed_bytes += pack.bytes;
}

}  // namespace

Checked<PackageContents> read_package(Bytes file) {
  const auto container = Container::parse(file, ContainerKind::kPackage);
  if (!container) return container.error();
  for (const ContainerSection& known : container->sections())
    if (known.kind < number(PackageSection::kManifest) || known.kind > number(PackageSection::kVariantFiles))
      return flaw("directory", "section ", known.kind, " is not known");
  auto contents = read_sections(*container);
  if (!contents) return contents;
  if (auto fits = check_shapes(*contents); !fits) return fits.error();
  give_owned(*contents);
  count(*contents, file.size());
  return contents;
}

namespace {

/// One part of a package that has a hash of its own.
struct Hashed {
  Bytes bytes;
  Hash128 wanted;
};

constexpr std::uint64_t kWorthThreads = 8u << 20;
constexpr std::uint32_t kHashThreads = 4;

/// The index of the first part whose bytes have another hash; their number where there is none.
std::size_t first_damaged(const std::vector<Hashed>& parts) {
  struct Search {
    const std::vector<Hashed>& parts;
    std::atomic<std::size_t> first;
  } search = {parts, parts.size()};
  const auto look = [](void* context, std::uint64_t piece) {
    auto& in = *static_cast<Search*>(context);
    if (hash_bytes(in.parts[piece].bytes) == in.parts[piece].wanted) return;
    std::size_t known = in.first;
    while (piece < known && !in.first.compare_exchange_weak(known, piece)) {
    }
  };
  std::uint64_t bytes = 0;
  for (const Hashed& part : parts) bytes += part.bytes.size();
  ThreadTeam team(bytes < kWorthThreads ? 1 : std::min(usable_cpus(), kHashThreads));
  team.parallel_for(parts.size(), look, &search);
  return search.first;
}

}  // namespace

Checked<void> verify_weights(const PackageContents& contents) {
  std::vector<Hashed> parts;
  for (const PackageTensor& tensor : contents.tensors) parts.push_back({contents.weights.subspan(tensor.offset, tensor.bytes), tensor.hash});
  for (const PackagePack& pack : contents.packs) parts.push_back({contents.packed.subspan(pack.offset, pack.bytes), pack.hash});
  const std::size_t bad = first_damaged(parts);
  if (bad == parts.size()) return {};
  if (bad >= contents.tensors.size()) return flaw("packs", "the bytes of pack ", bad - contents.tensors.size(), " are damaged");
  return flaw("weights", "the bytes of param `", contents.graph.params[contents.tensors[bad].param].name, "` are damaged");
}

Checked<void> verify_package(const PackageContents& contents) {
  if (auto sound = verify_weights(contents); !sound) return sound;
  if (!contents.variants.empty() && hash_bytes(contents.variant_files) != contents.variant_hash) return flaw("variants", "the bytes of its variants are damaged");
  for (const PackageVariant& variant : contents.variants)
    if (const auto file = parse_aot_file(contents.variant_files.subspan(variant.offset, variant.bytes)); !file) return flaw("variants", file.error().sentence);
  return {};
}

}  // namespace rlx
