// SPDX-License-Identifier: Apache-2.0
// Packages: the same answers as the model they were made from, mapped weights and packs, and no trust in a byte.
#include "runtime/execute/package.h"

#include <algorithm>
#include <fstream>

#include "runtime/base/file.h"
#include "runtime/execute/variant.h"
#include "runtime/execute/wire.h"
#include "tests/unit/runtime/execute/storage.h"

namespace rlx_test {
namespace {

using rlx::ErrorCode;

/// Two matmuls with a bias and an activation, a table that is gathered, and a constant above 4 KiB.
rlx::Model small_model(bool weights = true) {
  rlx::ModelBuilder b("small");
  b.symbol("seq", 1, 64);
  const auto ids = b.input("ids", rlx::DType::kI64, {"batch", "seq"});
  const auto words = b.gather(b.param("table", rlx::DType::kF32, {10, 32}), ids);
  const auto hidden = b.linear(words, b.param("w1", rlx::DType::kF32, {32, 48}), b.param("b1", rlx::DType::kF32, {48}), rlx::Activation::kRelu);
  const rlx::Tensor big = rlx::Tensor::of({48, 32}, std::span<const float>(counting(48 * 32, 0.001f)));
  const auto out = b.matmul(hidden, b.constant(big.view()));
  b.set_output("y", b.add(out, words));
  auto model = b.finish();
  EXPECT_TRUE(model) << model.error().to_string();
  if (!weights) return *model;
  std::vector<rlx::ParamSource> sources;
  const auto add = [&](const char* name, std::vector<std::int64_t> dims, float step) {
    std::int64_t count = 1;
    for (const std::int64_t dim : dims) count *= dim;
    auto data = std::make_shared<std::vector<float>>(counting(static_cast<std::size_t>(count), step));
    sources.push_back({name, {rlx::DType::kF32, dims, data->data(), data->size() * 4}, data});
  };
  add("table", {10, 32}, 0.01f);
  add("w1", {32, 48}, -0.0007f);
  add("b1", {48}, 0.5f);
  return *rlx::model_from_text(model->to_text(), sources);
}

std::vector<float> run(rlx::ModelCompilePipeline& pipeline, const rlx::Template& from, std::int64_t batch, std::int64_t seq) {
  auto graph = pipeline.get_or_compile(from, {{"batch", batch}, {"seq", seq}});
  if (!graph) ADD_FAILURE() << graph.error().to_string();
  if (!graph) return {};
  std::vector<std::int64_t> ids(static_cast<std::size_t>(batch * seq));
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::int64_t>(i * 7 % 10);
  const rlx::Tensor input = rlx::Tensor::of({batch, seq}, std::span<const std::int64_t>(ids));
  const std::vector<rlx::NamedView> inputs = {{"ids", input.view()}};
  auto outputs = graph->run(inputs);
  if (!outputs) ADD_FAILURE() << outputs.error().to_string();
  if (!outputs) return {};
  const auto values = (*outputs)[0].tensor.f32();
  return {values.begin(), values.end()};
}

std::vector<float> run_model(const rlx::Device& device, const rlx::Model& model, std::int64_t batch, std::int64_t seq) {
  auto pipeline = *rlx::ModelCompilePipeline::create(device);
  const auto made = pipeline.build_template("small", model);
  if (!made) ADD_FAILURE() << made.error().to_string();
  return made ? run(pipeline, *made, batch, seq) : std::vector<float>();
}

/// A package with packs for the CPU, and the answer of the model that it was made from.
struct Packaged {
  Packaged() : device(open_cpu()), path(folder / "small.rlx") {
    rlx::PackageOptions options;
    options.device = device;
    options.shapes = {{{"batch", 1}, {"seq", 4}}, {{"batch", 2}, {"seq", 8}}};
    auto written = rlx::write_package(path, small_model(), options);
    EXPECT_TRUE(written) << written.error().to_string();
    info = *written;
  }
  Folder folder;
  rlx::Device device;
  std::string path;
  rlx::PackageInfo info;
};

TEST(Package, GivesTheSameBitsAsItsModel) {
  const Packaged packaged;
  const auto package = rlx::open_package(packaged.path, {true});
  ASSERT_TRUE(package) << package.error().to_string();
  for (const std::int64_t seq : {1, 4, 9}) {
    const auto wanted = run_model(packaged.device, small_model(), 2, seq);
    ASSERT_FALSE(wanted.empty());
    EXPECT_EQ(run_model(packaged.device, package->model(), 2, seq), wanted) << seq;
    EXPECT_EQ(run_model(open_cpu(), *rlx::load_model(packaged.path), 2, seq), wanted) << "another device object, by extension";
  }
}

TEST(Package, SaysWhatItIs) {
  const Packaged packaged;
  EXPECT_EQ(packaged.info.made_by, rlx::version());
  EXPECT_EQ(packaged.info.tensors, 4u) << "three params and a constant above 4 KiB";
  EXPECT_EQ(packaged.info.weight_bytes, (10u * 32 + 32 * 48 + 48 + 48 * 32) * 4);
  EXPECT_EQ(packaged.info.shapes.size(), 2u);
  EXPECT_EQ(packaged.info.shapes[1], (rlx::Binding{{"batch", 2}, {"seq", 8}}));
  EXPECT_GE(packaged.info.packs, 1u);
  EXPECT_NE(packaged.info.packed_for.find("org.rlx.cpu"), std::string::npos) << packaged.info.packed_for;
  auto pipeline = *rlx::ModelCompilePipeline::create(packaged.device);
  EXPECT_EQ(pipeline.build_template("small", small_model())->hash(), packaged.info.template_hash);
  EXPECT_EQ(pipeline.build_template("small", *rlx::load_model(packaged.path))->hash(), packaged.info.template_hash);
}

TEST(Package, CopiesNoWeightAndPacksNothing) {
  const Packaged packaged;
  const auto package = *rlx::open_package(packaged.path);
  for (const rlx::ParamSource& weight : package.model().weights()) EXPECT_EQ(reinterpret_cast<std::uintptr_t>(weight.view.data) % 64, 0u) << weight.name;
  auto pipeline = *rlx::ModelCompilePipeline::create(packaged.device);
  const auto made = *pipeline.build_template("small", package.model());
  ASSERT_FALSE(run(pipeline, made, 1, 4).empty());
  EXPECT_EQ(pipeline.memory().packed_bytes, 0u) << "the packs are the file's";
  EXPECT_GE(pipeline.memory().shared_bytes, packaged.info.packed_bytes);
  auto own = *rlx::ModelCompilePipeline::create(open_cpu());
  ASSERT_FALSE(run(own, *own.build_template("small", small_model()), 1, 4).empty());
  EXPECT_GT(own.memory().packed_bytes, 0u) << "without a package they are made";
}

TEST(Package, AChangedWeightIsPackedAnew) {
  const Packaged packaged;
  const auto package = *rlx::open_package(packaged.path);
  auto pipeline = *rlx::ModelCompilePipeline::create(packaged.device);
  const auto made = *pipeline.build_template("small", package.model());
  const auto before = run(pipeline, made, 1, 4);
  auto graph = *pipeline.get_or_compile(made, {{"batch", 1}, {"seq", 4}});
  const std::vector<float> zeros(32 * 48);
  ASSERT_TRUE(graph.set_param("w1", {rlx::DType::kF32, {32, 48}, zeros.data(), zeros.size() * 4}));
  EXPECT_NE(run(pipeline, made, 1, 4), before);
  EXPECT_EQ(run_model(packaged.device, package.model(), 1, 4), before) << "the package is what it was";
}

std::uint64_t own_memory() {  // bytes that belong to no file
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.rfind("RssAnon:", 0) == 0) return std::stoull(line.substr(8)) * 1024;
  ADD_FAILURE() << "no RssAnon";
  return 0;
}

TEST(Package, ManyLoadsHoldTheWeightsOnce) {
  constexpr std::int64_t kSide = 1024;
  constexpr std::uint64_t kWeights = kSide * kSide * 4;
  rlx::ModelBuilder b("large");
  b.set_output("y", b.matmul(b.input("x", rlx::DType::kF32, {"batch", kSide}), b.param("w", rlx::DType::kF32, {kSide, kSide})));
  const auto data = std::make_shared<std::vector<float>>(counting(kSide * kSide, 0.001f));
  const auto model = rlx::model_from_text(b.finish()->to_text(), {{{"w", {rlx::DType::kF32, {kSide, kSide}, data->data(), kWeights}, data}}});
  ASSERT_TRUE(model) << model.error().to_string();
  const Folder folder;
  rlx::PackageOptions options;
  options.device = open_cpu();
  options.shapes = {{{"batch", 1}}};
  ASSERT_TRUE(rlx::write_package(folder / "large.rlx", *model, options));
  const std::vector<float> x(kSide, 1.0f);
  std::vector<rlx::ModelCompilePipeline> pipelines;
  std::uint64_t after_one = 0;
  for (int i = 0; i < 8; ++i) {
    pipelines.push_back(*rlx::ModelCompilePipeline::create(options.device));
    const auto made = *pipelines.back().build_template("large", *rlx::load_model(folder / "large.rlx"));
    const auto graph = pipelines.back().get_or_compile(made, {{"batch", 1}});
    ASSERT_TRUE(graph && graph->run({{{"x", {rlx::DType::kF32, {1, kSide}, x.data(), kSide * 4}}}}));
    EXPECT_EQ(pipelines.back().memory().packed_bytes, 0u);
    if (i == 0) after_one = own_memory();
  }
  EXPECT_LT(own_memory(), after_one + kWeights) << "seven more loads, and not one more copy";
}

TEST(Package, WithoutWeightsTheyAreSetLater) {
  const Folder folder;
  rlx::PackageOptions options;
  options.device = open_cpu();
  const auto written = rlx::write_package(folder / "bare.rlx", small_model(false), options);
  ASSERT_TRUE(written) << written.error().to_string();
  EXPECT_EQ(written->tensors, 1u);
  EXPECT_EQ(written->packs, 0u);
  auto pipeline = *rlx::ModelCompilePipeline::create(options.device);
  const auto made = *pipeline.build_template("bare", *rlx::load_model(folder / "bare.rlx"));
  auto graph = *pipeline.get_or_compile(made, {{"batch", 1}, {"seq", 2}});
  EXPECT_EQ(graph.unset_params().size(), 3u);
}

TEST(Package, CanBeWrittenAgain) {
  const Packaged packaged;
  rlx::PackageOptions options;
  options.device = packaged.device;
  options.shapes = packaged.info.shapes;
  ASSERT_TRUE(rlx::write_package(packaged.folder / "again.rlx", *rlx::load_model(packaged.path), options));
  EXPECT_EQ(read_blob(packaged.folder / "again.rlx"), read_blob(packaged.path)) << "equal packages are equal bytes";
  options.fuse = false;
  expect_error(rlx::write_package(packaged.folder / "other.rlx", *rlx::load_model(packaged.path), options), ErrorCode::kInvalidArgument, {"fused"});
  auto pipeline = *rlx::ModelCompilePipeline::create(packaged.device);
  rlx::CompileOptions unfused;
  unfused.fuse = false;
  expect_error(pipeline.build_template("x", *rlx::load_model(packaged.path), unfused), ErrorCode::kInvalidArgument, {"fused"});
}

TEST(Package, NamesWhatIsWrongWithAFile) {
  const Packaged packaged;
  expect_error(rlx::open_package(packaged.folder / "none.rlx"), ErrorCode::kFileNotFound, {"none.rlx"});
  expect_error(rlx::open_package(packaged.folder.path()), ErrorCode::kFileUnreadable, {});
  write_blob(packaged.folder / "empty.rlx", {});
  expect_error(rlx::open_package(packaged.folder / "empty.rlx"), ErrorCode::kFileDamaged, {"short"});
  rlx::PackageOptions options;
  options.shapes = {{{"batch", 1}, {"seq", 1000}}};
  expect_error(rlx::write_package(packaged.folder / "x.rlx", small_model(), options), ErrorCode::kSymbolOutOfRange, {"seq"});
  expect_error(rlx::write_package(packaged.folder / "none/x.rlx", small_model()), ErrorCode::kFileUnwritable, {"none"});
}

TEST(Package, AFlippedWeightIsSeenUnlessTheFileIsTrusted) {
  const Packaged packaged;
  Blob bad = read_blob(packaged.path);
  bad[bad.size() - 1] ^= std::byte{1};  // of the last pack
  write_blob(packaged.path, bad);
  expect_error(rlx::open_package(packaged.path), ErrorCode::kFileDamaged, {"packs"});
  expect_error(rlx::load_model(packaged.path), ErrorCode::kFileDamaged, {"packs"});
  const auto package = rlx::open_package(packaged.path, {.verify = false});
  ASSERT_TRUE(package) << "structure alone is checked: " << package.error().to_string();
  expect_error(package->verify(), ErrorCode::kFileDamaged, {"packs"});
}

/// Builds and runs a model of which nothing is known, at the least sizes: an error or an answer.
void build_and_run(const rlx::Device& device, const rlx::Model& model) {
  auto pipeline = *rlx::ModelCompilePipeline::create(device);
  const auto made = pipeline.build_template("unknown", model);
  if (!made) return;
  rlx::Binding binding;
  for (const auto& symbol : made->manifest().symbols) binding[symbol.name] = symbol.least;
  const auto graph = pipeline.get_or_compile(*made, binding);
  if (!graph) return;
  std::vector<rlx::Tensor> tensors;
  std::vector<rlx::NamedView> inputs;
  for (const auto& input : graph->manifest().inputs) {
    std::vector<std::int64_t> dims;
    for (const auto& dim : input.dims) dims.push_back(dim.number());
    if (std::any_of(dims.begin(), dims.end(), [](std::int64_t dim) { return dim > 4096; })) return;
    tensors.emplace_back(input.dtype, dims);
    inputs.push_back({input.name, tensors.back().view()});
  }
  (void)graph->run(inputs);
}

// Failure 17: flips, cuts, swaps, other versions, hostile offsets and counts, resigned or not: an error, or the right answer.
TEST(Package, RandomDamageIsAnErrorAndNeverAWrongAnswer) {
  const Packaged packaged;
  const Blob good = read_blob(packaged.path);
  const auto wanted = run_model(packaged.device, small_model(), 1, 3);
  std::mt19937_64 random(5);
  int refused = 0, accepted = 0;
  for (int i = 0; i < 10000; ++i) {
    Blob bad = good;
    const std::string what = damage(bad, random);
    const Aligned file(bad);
    const auto contents = rlx::read_package(file.bytes());
    if (!contents || !rlx::verify_weights(*contents)) {
      ++refused;
      ASSERT_TRUE(contents || !contents.error().sentence.empty()) << what;
      continue;
    }
    ++accepted;
    write_blob(packaged.folder / "bad.rlx", bad);
    const auto model = rlx::load_model(packaged.folder / "bad.rlx");
    ASSERT_TRUE(model) << what << " " << i << ": " << model.error().to_string();
    if (what == "hostile content") {
      build_and_run(packaged.device, *model);  // signed anew: another graph, weight or shape, and a sound one
    } else {
      ASSERT_EQ(run_model(packaged.device, *model, 1, 3), wanted) << what << " " << i;
    }
  }
  EXPECT_GT(refused, 8000);
  EXPECT_GT(accepted, 20);
}

/// A stranger who signs what he changes can write another model, but none that breaks the process.
TEST(Package, HostileTablesBreakNothing) {
  const Packaged packaged;
  const Blob good = read_blob(packaged.path);
  const Aligned file(good);
  const auto container = *rlx::Container::parse(file.bytes(), rlx::ContainerKind::kPackage);
  const auto rewritten = [&](std::uint32_t kind, auto&& change) {
    std::vector<rlx::SectionSource> sections;
    Blob changed;
    for (const rlx::ContainerSection& section : container.sections()) {
      sections.push_back({section.kind, {section.bytes}});
      if (section.kind != kind) continue;
      changed.assign(section.bytes.begin(), section.bytes.end());
      change(changed);
      sections.back().pieces = {changed};
    }
    EXPECT_TRUE(rlx::write_container(packaged.folder / "bad.rlx", rlx::ContainerKind::kPackage, sections));
    const auto opened = rlx::open_package(packaged.folder / "bad.rlx");
    return opened ? std::string("opened") : opened.error().message();
  };
  const auto put64 = [](Blob& bytes, std::size_t at, std::uint64_t value) { std::memcpy(bytes.data() + at, &value, 8); };
  const auto has = [](const std::string& text, const char* word) { return text.find(word) != std::string::npos; };
  EXPECT_EQ(rewritten(3, [](Blob&) {}), "opened");
  for (const std::uint64_t number : {std::uint64_t{64}, std::uint64_t{1}, ~std::uint64_t{0}, ~std::uint64_t{63}, std::uint64_t{1} << 63})
    for (const std::size_t field : {8, 16, 48, 56})
      EXPECT_TRUE(has(rewritten(3, [&](Blob& b) { put64(b, field, number); }), "(tensors)")) << field << " " << number;
  EXPECT_TRUE(has(rewritten(3, [](Blob& b) { b[0] = std::byte{99}; }), "(tensors)")) << "a param that there is not";
  EXPECT_TRUE(has(rewritten(3, [](Blob& b) { std::copy_n(b.begin(), 40, b.begin() + 40); }), "(tensors)")) << "one param twice";
  EXPECT_TRUE(has(rewritten(3, [](Blob& b) { b.resize(b.size() - 40); }), "(tensors)"));
  EXPECT_TRUE(has(rewritten(3, [](Blob& b) { b.resize(b.size() - 3); }), "(tensors)"));
  EXPECT_TRUE(has(rewritten(5, [&](Blob& b) { put64(b, 16, ~std::uint64_t{0} - 63); }), "(packs)"));
  EXPECT_TRUE(has(rewritten(5, [&](Blob& b) { put64(b, 24, std::uint64_t{1} << 62); }), "(packs)"));
  EXPECT_TRUE(has(rewritten(5, [&](Blob& b) { put64(b, 0, 0), put64(b, 8, 0); }), "(packs)")) << "no key";
  EXPECT_TRUE(has(rewritten(2, [](Blob& b) { b.resize(b.size() / 2); }), "(graph)"));
  EXPECT_TRUE(has(rewritten(2, [](Blob& b) { b[b.size() / 2] = std::byte{0xFF}; }), "(graph)"));
  EXPECT_TRUE(has(rewritten(2, [](Blob& b) { b.clear(); }), "(graph)"));
  EXPECT_TRUE(has(rewritten(1, [](Blob& b) { b[0] = std::byte{2}; }), "(version)"));
  EXPECT_TRUE(has(rewritten(1, [](Blob& b) { b.resize(b.size() - 1); }), "(manifest)"));
  EXPECT_TRUE(has(rewritten(1, [](Blob& b) { std::fill(b.begin() + 4, b.begin() + 8, std::byte{0xFF}); }), "(manifest)")) << "an absurd length";
  EXPECT_TRUE(has(rewritten(4, [](Blob& b) { b.resize(b.size() + 64); }), "(tensors)"));
  EXPECT_TRUE(has(rewritten(6, [](Blob& b) { b.clear(); }), "(packs)"));
}

}  // namespace
}  // namespace rlx_test
