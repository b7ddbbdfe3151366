// SPDX-License-Identifier: Apache-2.0
// Device code kept between processes: what one pipeline compiled another imports, and code that is stale or damaged is
// compiled again, with a reason. On C0, a backend that offers `rlx.artifact/1`.
#include <rlx/host/trace.hpp>
#include <sys/wait.h>

#include <thread>

#include <rlx/host/package.hpp>

#include "runtime/execute/aot_cache.h"
#include "runtime/execute/package.h"
#include "tests/unit/runtime/execute/storage.h"

namespace rlx_test {
namespace {

/// A runtime of its own with C0 alone, a pipeline over a folder, and a template of the token model.
struct Host {
  explicit Host(const std::string& folder, const std::string& plugin = RLX_C0_PLUGIN, const std::string& kind = "c0",
                const rlx::Model& model = token_model(), bool package_code = false) {
    rlx::RuntimeOptions options;
    options.plugin_paths = {plugin};
    options.only_plugin_paths = true;
    options.threads = 1;
    options.trace = trace;
    options.log = [this](rlx::LogLevel level, std::string_view text) {
      if (level >= rlx::LogLevel::kWarning) log.emplace_back(text);
    };
    auto runtime = rlx::Runtime::discover(options);
    auto device = runtime->device(kind);
    if (!device) ADD_FAILURE() << device.error().to_string();
    rlx::PipelineOptions kept;
    kept.aot.folder = folder;
    kept.aot.package_code = package_code;
    pipeline = *rlx::ModelCompilePipeline::create(*device, kept);
    from = *pipeline.build_template("tokens", model);
    const std::vector<float> table = counting(40);
    const auto set = from.params().set("table", {rlx::DType::kF32, {10, 4}, table.data(), 160});
    EXPECT_TRUE(set) << set.error().to_string();
  }
  /// Sums over `seq` rows that are all the second of the table.
  std::vector<float> run(std::int64_t batch, std::int64_t seq) {
    const auto graph = pipeline.get_or_compile(from, {{"batch", batch}, {"seq", seq}});
    EXPECT_TRUE(graph) << graph.error().to_string();
    if (!graph) return {};
    const std::vector<std::int64_t> ones(static_cast<std::size_t>(batch * seq), 1);
    const rlx::Tensor ids = rlx::Tensor::of({batch, seq}, std::span(ones));
    const auto outputs = graph->run(std::vector<rlx::NamedView>{{"input_ids", ids.view()}, {"attention_mask", ids.view()}});
    EXPECT_TRUE(outputs) << outputs.error().to_string();
    if (!outputs) return {};
    const auto values = (*outputs)[0].tensor.f32();
    return {values.begin(), values.end()};
  }
  rlx::AotCounters counters() const { return pipeline.aot_counters(); }
  std::uint64_t refused() const {
    const auto reasons = counters().reasons;
    const auto found = reasons.find("artifact");
    return found == reasons.end() ? 0 : found->second;
  }
  bool recorded(const std::string& slice) const { return trace.to_json().find('"' + slice + '"') != std::string::npos; }

  rlx::Trace trace = rlx::Trace::record();
  std::vector<std::string> log;
  rlx::ModelCompilePipeline pipeline;
  rlx::Template from;
};

std::vector<float> wanted(std::int64_t batch, std::int64_t seq) {
  std::vector<float> sums;
  for (std::int64_t row = 0; row < batch; ++row)
    for (const int value : {4, 5, 6, 7}) sums.push_back(static_cast<float>(value * seq));
  return sums;
}

/// The only file of a folder, with `compat` and `code` in the place of its own, signed.
void forge(const Folder& folder, const Blob& compat, const Blob& code) {
  const std::string name = folder.files().at(0);
  const auto file = rlx::read_aot_file(folder.path(), name, 1 << 30, false);
  ASSERT_TRUE(file) << file.error().sentence;
  const std::string key = file->key.text();
  const std::vector<rlx::SectionSource> sections = {
      {1, {{reinterpret_cast<const std::byte*>(key.data()), key.size()}}}, {2, {file->image}}, {3, {file->report}}, {4, {compat}}, {5, {code}}};
  ASSERT_TRUE(rlx::write_container(folder / name, rlx::ContainerKind::kVariant, sections));
}

/// Device code of the only file of a folder, and its compat blob.
std::pair<Blob, Blob> code_in(const Folder& folder) {
  const auto file = rlx::read_aot_file(folder.path(), folder.files().at(0), 1 << 30, false);
  EXPECT_TRUE(file) << file.error().sentence;
  const rlx::Artifact& artifact = file->artifact;
  return {Blob(artifact.compat.begin(), artifact.compat.end()), Blob(artifact.code.begin(), artifact.code.end())};
}

// Failure 21.
TEST(Artifacts, ASecondPipelineImportsWhatTheFirstCompiled) {
  const Folder folder;
  Host first(folder.path());
  EXPECT_EQ(first.run(2, 5), wanted(2, 5));
  EXPECT_EQ(first.counters().exports, 1u);
  EXPECT_EQ(first.counters().stores, 1u) << "image and code go in at once";
  EXPECT_EQ(first.counters().imports, 0u);
  EXPECT_TRUE(first.recorded("compile_lir"));
  EXPECT_GT(rlx::list_aot(folder.path())->at(0).artifact_bytes, 0u);

  Host second(folder.path());
  EXPECT_EQ(second.run(2, 5), wanted(2, 5));
  EXPECT_EQ(second.counters().hits, 1u);
  EXPECT_EQ(second.counters().imports, 1u);
  EXPECT_EQ(second.counters().stores, 0u);
  EXPECT_TRUE(second.recorded("import_artifact"));
  EXPECT_FALSE(second.recorded("compile_lir"));
  EXPECT_TRUE(second.log.empty()) << second.log[0];
  EXPECT_EQ(second.run(1, 3), wanted(1, 3)) << "another shape is compiled";
  EXPECT_EQ(second.counters().exports, 1u);
}

TEST(Artifacts, CodeOutlivesTheFileAndThePipelineThatReadIt) {
  const Folder folder;
  EXPECT_EQ(Host(folder.path()).run(2, 5), wanted(2, 5));
  rlx::CompiledGraph graph;
  {
    Host second(folder.path());
    graph = *second.pipeline.get_or_compile(second.from, {{"batch", 2}, {"seq", 5}});
    ASSERT_EQ(second.counters().imports, 1u);
  }
  std::filesystem::remove(folder / folder.files()[0]);
  const std::vector<std::int64_t> ones(10, 1);
  const rlx::Tensor ids = rlx::Tensor::of({2, 5}, std::span(ones));
  const auto outputs = graph.run(std::vector<rlx::NamedView>{{"input_ids", ids.view()}, {"attention_mask", ids.view()}});
  ASSERT_TRUE(outputs) << outputs.error().to_string();
  const auto values = (*outputs)[0].tensor.f32();
  EXPECT_EQ(std::vector<float>(values.begin(), values.end()), wanted(2, 5));
}

TEST(Artifacts, ProcessesAndThreadsShareOneFolder) {
  const Folder folder;
  pid_t children[4];
  for (pid_t& child : children) {
    child = ::fork();
    ASSERT_GE(child, 0);
    if (child != 0) continue;
    Host host(folder.path());
    bool good = true;
    for (int round = 0; round < 10; ++round) {
      for (const std::int64_t seq : {1, 2, 3}) good = good && host.run(1, seq) == wanted(1, seq);
      host.pipeline.clear();
    }
    ::_exit(good && host.refused() == 0 && host.counters().failed_stores == 0 && host.counters().imports >= 27 ? 0 : 1);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  }
  Host host(folder.path());
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&, i] { EXPECT_EQ(host.run(1, 1 + i % 3), wanted(1, 1 + i % 3)); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(host.counters().imports, 3u) << "once per variant, however many threads ask";
  EXPECT_FALSE(host.recorded("compile_lir"));
}

TEST(Artifacts, RandomDamageIsCompiledAgainAndNeverAWrongAnswer) {
  const Folder folder;
  Host host(folder.path());
  ASSERT_EQ(host.run(2, 3), wanted(2, 3));
  const auto [compat, code] = code_in(folder);
  std::mt19937_64 random(11);
  constexpr std::uint64_t kRounds = 2000;
  for (std::uint64_t i = 0; i < kRounds; ++i) {
    Blob bad = code;
    switch (random() % 4) {
      case 0: bad.resize(1 + random() % (code.size() - 1)); break;
      case 1: bad.resize(code.size() + 1 + random() % 300); break;
      case 2: std::fill(bad.begin() + static_cast<std::ptrdiff_t>(random() % bad.size()), bad.end(), static_cast<std::byte>(1 + random() % 255)); break;
      default: bad[random() % bad.size()] ^= static_cast<std::byte>(1 + random() % 255);
    }
    if (bad == code) bad[0] ^= std::byte{1};
    forge(folder, compat, bad);
    host.pipeline.clear();
    ASSERT_EQ(host.run(2, 3), wanted(2, 3)) << i;
    ASSERT_EQ(host.refused(), i + 1);
    ASSERT_EQ(host.counters().exports, i + 2) << "what was compiled takes its place";
  }
  EXPECT_EQ(code_in(folder).second, code);
  ASSERT_EQ(host.log.size(), kRounds) << "every refusal is said once";
  EXPECT_NE(host.log[0].find("(artifact): "), std::string::npos) << host.log[0];
  EXPECT_NE(host.log[0].find("it is compiled again"), std::string::npos) << host.log[0];
  EXPECT_EQ(host.counters().imports, 0u);
}

TEST(Artifacts, StaleCodeIsCompiledAgainWithThePluginsReason) {
  const Folder folder;
  EXPECT_EQ(Host(folder.path()).run(2, 3), wanted(2, 3));
  const auto [compat, code] = code_in(folder);
  Blob other = compat;
  other.back() ^= std::byte{1};
  forge(folder, other, code);
  Host stale(folder.path());
  EXPECT_EQ(stale.run(2, 3), wanted(2, 3));
  EXPECT_EQ(stale.refused(), 1u);
  ASSERT_EQ(stale.log.size(), 1u);
  EXPECT_NE(stale.log[0].find("stale: the compat blob is damaged"), std::string::npos) << stale.log[0];
  Host healed(folder.path());
  EXPECT_EQ(healed.run(2, 3), wanted(2, 3));
  EXPECT_EQ(healed.counters().imports, 1u);
  forge(folder, Blob(3), code);
  Host none(folder.path());
  EXPECT_EQ(none.run(2, 3), wanted(2, 3));
  ASSERT_EQ(none.log.size(), 1u) << "what is no compat blob is refused by check";
}

TEST(Artifacts, AnEntryWithoutCodeGetsIt) {
  const Folder folder;
  Host first(folder.path());
  ASSERT_TRUE(first.pipeline.get_or_specialize_aot(first.from, {{"batch", 1}, {"seq", 2}}));
  EXPECT_EQ(rlx::list_aot(folder.path())->at(0).artifact_bytes, 0u);
  EXPECT_EQ(first.run(1, 2), wanted(1, 2));
  EXPECT_EQ(first.counters().exports, 1u);
  EXPECT_GT(rlx::list_aot(folder.path())->at(0).artifact_bytes, 0u);
  ASSERT_TRUE(first.pipeline.get_or_specialize_aot(first.from, {{"batch", 1}, {"seq", 2}}));
  Host second(folder.path());
  EXPECT_EQ(second.run(1, 2), wanted(1, 2));
  EXPECT_EQ(second.counters().imports, 1u) << "and keeps it";
}

TEST(Artifacts, AVariantWhoseExecutableIsAliveIsKeptWithoutCode) {
  const Folder folder;
  Host host(folder.path());
  EXPECT_EQ(host.run(1, 2), wanted(1, 2));
  std::filesystem::remove(folder / folder.files()[0]);
  const rlx::Template twin = *host.pipeline.build_template("twin", token_model());
  const auto graph = host.pipeline.get_or_compile(twin, {{"batch", 1}, {"seq", 2}});
  ASSERT_TRUE(graph) << graph.error().to_string();
  EXPECT_EQ(host.pipeline.counters().shared, 1u);
  const auto entries = *rlx::list_aot(folder.path());
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].reason, "") << entries[0].sentence;
  EXPECT_EQ(entries[0].artifact_bytes, 0u) << "its image may be another than the one that was compiled";
}

TEST(Artifacts, AFolderThatCannotBeWrittenStopsNothing) {
  const Folder folder;
  write_blob(folder / "file", Blob(3));
  Host host(folder / "file/cache");
  EXPECT_EQ(host.run(1, 2), wanted(1, 2));
  EXPECT_EQ(host.counters().failed_stores, 1u);
  EXPECT_EQ(host.counters().exports, 0u);
}

TEST(Artifacts, ABackendWithoutThemKeepsImagesAlone) {
  const Folder folder;
  for (const std::uint64_t hits : {0, 1}) {
    Host host(folder.path(), RLX_CPU_PLUGIN, "cpu");
    EXPECT_EQ(host.run(2, 5), wanted(2, 5));
    EXPECT_EQ(host.counters().hits, hits);
    EXPECT_EQ(host.counters().imports + host.counters().exports, 0u);
    EXPECT_TRUE(host.recorded("compile_lir"));
  }
  EXPECT_EQ(rlx::list_aot(folder.path())->at(0).artifact_bytes, 0u);
}

/// A package of the token model with the variant 2x5 of a backend.
rlx::PackageInfo packaged(const std::string& path, const std::string& plugin, const std::string& kind) {
  const Host maker({}, plugin, kind);
  rlx::PackageOptions options;
  options.device = maker.pipeline.device();
  options.shapes = {{{"batch", 2}, {"seq", 5}}, {{"batch", 2}, {"seq", 5}}};
  const auto written = rlx::write_package(path, token_model(), options);
  EXPECT_TRUE(written) << written.error().to_string();
  return *written;
}

TEST(PackagedVariants, AreNotPlannedAgain) {
  const Folder folder;
  const rlx::PackageInfo info = packaged(folder / "m.rlx", RLX_CPU_PLUGIN, "cpu");
  EXPECT_EQ(info.variants, 1u) << "each shape once";
  EXPECT_GT(info.variant_bytes, 0u);
  Host host({}, RLX_CPU_PLUGIN, "cpu", *rlx::load_model(folder / "m.rlx"));
  EXPECT_EQ(host.run(2, 5), wanted(2, 5));
  EXPECT_EQ(host.counters().packaged, 1u);
  EXPECT_FALSE(host.recorded("specialize"));
  EXPECT_EQ(host.run(1, 3), wanted(1, 3)) << "another shape is planned";
  EXPECT_EQ(host.counters().packaged, 1u);
  EXPECT_EQ(host.counters().misses, 0u);
  EXPECT_TRUE(host.log.empty()) << host.log[0];
  Host other({}, RLX_C0_PLUGIN, "c0", *rlx::load_model(folder / "m.rlx"));
  EXPECT_EQ(other.run(2, 5), wanted(2, 5)) << "of another backend: made anew";
  EXPECT_EQ(other.counters().packaged, 0u);
}

TEST(PackagedVariants, CarryDeviceCodeForThoseWhoLetItIn) {
  const Folder folder;
  packaged(folder / "m.rlx", RLX_C0_PLUGIN, "c0");
  const rlx::Model model = *rlx::load_model(folder / "m.rlx");
  Host careful({}, RLX_C0_PLUGIN, "c0", model);
  EXPECT_EQ(careful.run(2, 5), wanted(2, 5));
  EXPECT_EQ(careful.counters().packaged, 1u);
  EXPECT_EQ(careful.counters().imports, 0u);
  EXPECT_TRUE(careful.recorded("compile_lir"));
  Host trusting({}, RLX_C0_PLUGIN, "c0", model, true);
  EXPECT_EQ(trusting.run(2, 5), wanted(2, 5));
  EXPECT_EQ(trusting.counters().imports, 1u);
  EXPECT_FALSE(trusting.recorded("compile_lir"));
  EXPECT_FALSE(trusting.recorded("specialize"));
  Host first(folder / "cache", RLX_C0_PLUGIN, "c0", model), second(folder / "cache", RLX_C0_PLUGIN, "c0", model);
  EXPECT_EQ(first.run(2, 5), wanted(2, 5));
  EXPECT_EQ(first.counters().exports, 1u) << "a folder keeps what the package may not give";
  EXPECT_EQ(second.run(2, 5), wanted(2, 5));
  EXPECT_EQ(second.counters().imports, 1u);
}

/// The package with the bytes of one section changed, every hash of the container right.
void rewrite(const std::string& path, std::uint32_t kind, const Blob& good, const Blob& bytes) {
  const Aligned file(good);
  std::vector<rlx::SectionSource> sections;
  const auto container = rlx::Container::parse(file.bytes(), rlx::ContainerKind::kPackage);
  ASSERT_TRUE(container);
  for (const rlx::ContainerSection& section : container->sections())
    sections.push_back({section.kind, {section.kind == kind ? rlx::Bytes(bytes) : section.bytes}});
  ASSERT_TRUE(rlx::write_container(path, rlx::ContainerKind::kPackage, sections));
}

TEST(PackagedVariants, RandomDamageIsMadeAgainAndNeverAWrongAnswer) {
  const Folder folder;
  packaged(folder / "m.rlx", RLX_C0_PLUGIN, "c0");
  const Blob good = read_blob(folder / "m.rlx");
  const Aligned file(good);
  const rlx::Bytes files = rlx::Container::parse(file.bytes(), rlx::ContainerKind::kPackage)->find(8)->bytes;
  const Blob variant(files.begin(), files.end());
  std::mt19937_64 random(3);
  int opened = 0, refused = 0;
  for (int i = 0; i < 300; ++i) {
    Blob bad = variant;
    const std::string what = damage(bad, random);
    if (bad == variant) continue;
    rewrite(folder / "bad.rlx", 8, good, bad);
    const auto model = rlx::load_model(folder / "bad.rlx");
    if (!model) {
      EXPECT_NE(model.error().message().find("variants"), std::string::npos) << model.error().message();
      ++refused;
      continue;
    }
    ++opened;
    if (what == "hostile content") continue;  // signed anew: another image, and a sound one
    Host host({}, RLX_C0_PLUGIN, "c0", *model, true);
    ASSERT_EQ(host.run(2, 5), wanted(2, 5)) << what << " " << i;
    if (host.counters().packaged == 0) {
      EXPECT_EQ(host.log.size(), 1u) << what;
    }
  }
  EXPECT_GT(opened, 20);
  EXPECT_GT(refused, 100);
}

TEST(PackagedVariants, HostileTablesBreakNothing) {
  const Folder folder;
  packaged(folder / "m.rlx", RLX_C0_PLUGIN, "c0");
  const Blob good = read_blob(folder / "m.rlx");
  for (const std::uint64_t number : {std::uint64_t{1}, std::uint64_t{64}, ~std::uint64_t{0}, ~std::uint64_t{63}, std::uint64_t{1} << 62})
    for (const std::size_t field : {0, 8}) {
      const Aligned file(good);
      const rlx::Bytes rows = rlx::Container::parse(file.bytes(), rlx::ContainerKind::kPackage)->find(7)->bytes;
      Blob bad(rows.begin(), rows.end());
      std::memcpy(bad.data() + field, &number, 8);
      rewrite(folder / "bad.rlx", 7, good, bad);
      expect_error(rlx::open_package(folder / "bad.rlx"), rlx::ErrorCode::kFileDamaged, {"(variants)"});
    }
  rewrite(folder / "bad.rlx", 7, good, Blob(3));
  expect_error(rlx::open_package(folder / "bad.rlx"), rlx::ErrorCode::kFileDamaged, {"(variants)"});
}

}  // namespace
}  // namespace rlx_test
