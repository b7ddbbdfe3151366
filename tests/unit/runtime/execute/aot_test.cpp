// SPDX-License-Identifier: Apache-2.0
// Variants on disk: found again by another pipeline, named by what decides them, and never believed when damaged.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <csignal>
#include <set>
#include <thread>

#include "runtime/execute/aot_cache.h"
#include "tests/unit/runtime/execute/storage.h"

namespace rlx_test {
namespace {

using rlx::ErrorCode;

/// A pipeline with a template of the token model, over a folder.
struct Cached {
  explicit Cached(const std::string& folder, std::uint64_t budget = 1 << 30, const rlx::Model& model = token_model(), const std::string& name = "tokens")
      : device(open_cpu(&log)), pipeline(*rlx::ModelCompilePipeline::create(device)) {
    const auto used = pipeline.use_aot({folder, budget});
    EXPECT_TRUE(used) << used.error().to_string();
    from = *pipeline.build_template(name, model);
  }
  rlx::Specialized image(std::int64_t batch, std::int64_t seq) {
    auto made = pipeline.get_or_specialize_aot(from, {{"batch", batch}, {"seq", seq}});
    EXPECT_TRUE(made) << made.error().to_string();
    return *made;
  }
  std::vector<float> run(std::int64_t batch, std::int64_t seq) {
    auto graph = pipeline.get_or_compile(from, {{"batch", batch}, {"seq", seq}});
    EXPECT_TRUE(graph) << graph.error().to_string();
    if (!graph) return {};
    const std::vector<float> table = counting(40);
    EXPECT_TRUE(graph->set_param("table", {rlx::DType::kF32, {10, 4}, table.data(), 160}));
    const std::vector<std::int64_t> ones(static_cast<std::size_t>(batch * seq), 1);
    const rlx::Tensor ids = rlx::Tensor::of({batch, seq}, std::span(ones));
    const std::vector<rlx::NamedView> inputs = {{"input_ids", ids.view()}, {"attention_mask", ids.view()}};
    auto outputs = graph->run(inputs);
    EXPECT_TRUE(outputs) << outputs.error().to_string();
    if (!outputs) return {};
    const auto values = (*outputs)[0].tensor.f32();
    return {values.begin(), values.end()};
  }
  std::vector<std::string> log;
  rlx::Device device;
  rlx::ModelCompilePipeline pipeline;
  rlx::Template from;
};

Blob bytes_of(const rlx::Specialized& made) { return {made.image.begin(), made.image.end()}; }

TEST(Aot, ASecondPipelineFindsTheVariant) {
  const Folder folder;
  Cached first(folder / "cache");
  const std::vector<float> wanted = first.run(2, 5);
  EXPECT_EQ(first.pipeline.aot_counters().stores, 1u);
  EXPECT_EQ(first.pipeline.aot_counters().reasons.at("absent"), 1u);
  Cached second(folder / "cache");
  EXPECT_EQ(second.run(2, 5), wanted);
  EXPECT_EQ(second.pipeline.aot_counters().hits, 1u);
  EXPECT_EQ(second.pipeline.aot_counters().misses, 0u);
  EXPECT_EQ(bytes_of(second.image(2, 5)), bytes_of(*first.pipeline.specialize_template(first.from, {{"batch", 2}, {"seq", 5}})))
      << "the same image, bit for bit";
  const auto report = second.pipeline.get_or_compile(second.from, {{"batch", 2}, {"seq", 5}})->report();
  EXPECT_GT(report.native, 0u);
  EXPECT_TRUE(second.log.empty());
}

TEST(Aot, AModelWithStatesIsFoundAgain) {
  const Folder folder;
  rlx::ModelBuilder builder("counter");
  const auto x = builder.input("x", rlx::DType::kF32, {"n"});
  const auto next = builder.add(builder.state("total", rlx::DType::kF32, {"n"}), x);
  builder.set_state("total", next);
  builder.set_output("y", builder.mul(next, builder.scalar(rlx::DType::kF32, 1)));
  const auto model = builder.finish();
  ASSERT_TRUE(model) << model.error().to_string();
  for (const std::uint64_t hits : {0, 1}) {
    Cached cached(folder.path(), 1 << 30, *model, "counter");
    const auto graph = cached.pipeline.get_or_compile(cached.from, {{"n", 3}});
    ASSERT_TRUE(graph) << graph.error().to_string();
    EXPECT_EQ(cached.pipeline.aot_counters().hits, hits);
    EXPECT_EQ(graph->manifest().states.size(), 1u);
    EXPECT_TRUE(cached.log.empty());
  }
}

TEST(Aot, IsOffWithoutAFolder) {
  const Folder folder;
  rlx::Device device = open_cpu();
  auto pipeline = *rlx::ModelCompilePipeline::create(device);
  expect_error(pipeline.use_aot({"", 1}), ErrorCode::kInvalidArgument, {"folder"});
  expect_error(pipeline.use_aot({folder.path(), 0}), ErrorCode::kInvalidArgument, {"budget"});
  const auto from = *pipeline.build_template("tokens", token_model());
  EXPECT_TRUE(pipeline.get_or_compile(from, {{"batch", 1}, {"seq", 2}}));
  EXPECT_EQ(pipeline.aot_counters().misses, 0u);
  EXPECT_TRUE(folder.files().empty());
}

TEST(Aot, IsAnOptionOfThePipeline) {
  const Folder folder;
  rlx::PipelineOptions options;
  options.aot.folder = folder / "cache";
  auto pipeline = *rlx::ModelCompilePipeline::create(open_cpu(), options);
  ASSERT_TRUE(pipeline.get_or_compile(*pipeline.build_template("tokens", token_model()), {{"batch", 1}, {"seq", 2}}));
  EXPECT_EQ(pipeline.aot_counters().stores, 1u);
  EXPECT_EQ(rlx::list_aot(options.aot.folder)->size(), 1u);
  options.aot.budget_bytes = 0;
  expect_error(rlx::ModelCompilePipeline::create(open_cpu(), options), ErrorCode::kInvalidArgument, {"budget"});
}

// Failures 12-14, 20: a name is a hash of everything that decides the bytes, and of nothing else.
TEST(Aot, NamesAreStableForEver) {
  rlx::AotKey key;
  key.fields = {{"format", "1"}, {"lir", "1"}, {"template", "00112233445566778899aabbccddeeff"}, {"binding", "5:batch=1:1 3:seq=3:128 "},
                {"options", ""}, {"plugin", "org.example.x 1.0 abc"}, {"device", "example device"}};
  EXPECT_EQ(key.text(), "format=1:1\nlir=1:1\ntemplate=32:00112233445566778899aabbccddeeff\nbinding=24:5:batch=1:1 3:seq=3:128 \noptions=0:\n"
                        "plugin=21:org.example.x 1.0 abc\ndevice=14:example device\n");
  EXPECT_EQ(key.name(), "388261c4f060a1f0a274e89e56049d5b");
  const std::string text = key.text();
  const auto again = rlx::parse_aot_key({reinterpret_cast<const std::byte*>(text.data()), text.size()});
  ASSERT_TRUE(again) << again.error().sentence;
  EXPECT_EQ(again->fields, key.fields);
}

TEST(Aot, NamesDependOnEveryField) {
  const Folder folder;
  Cached cached(folder.path());
  const auto& body = *cached.from.body();
  const rlx::AotKey key = rlx::aot_key(body, {{"batch", 1}, {"seq", 2}});
  EXPECT_EQ(key.name(), rlx::aot_key(body, {{"seq", 2}, {"batch", 1}}).name());
  std::set<std::string> names = {key.name(), rlx::aot_key(body, {{"batch", 2}, {"seq", 1}}).name(), rlx::aot_key(body, {{"batch", 12}}).name()};
  rlx::CompileOptions options;
  options.dispatch = rlx::Dispatch::kForceCommon;
  names.insert(rlx::aot_key(*cached.pipeline.build_template("tokens", token_model(), options)->body(), {{"batch", 1}, {"seq", 2}}).name());
  names.insert(rlx::aot_key(*cached.pipeline.build_template("linear", linear_model())->body(), {{"batch", 1}, {"seq", 2}}).name());
  for (std::size_t i = 0; i < key.fields.size(); ++i) {
    rlx::AotKey other = key;
    other.fields[i].second += "x";
    names.insert(other.name());
    EXPECT_EQ(rlx::first_difference(other, key), key.fields[i].first);
  }
  EXPECT_EQ(names.size(), 5 + key.fields.size());
}

// Failure 18: nothing of a name becomes part of a path.
TEST(Aot, NoNameLeavesTheFolder) {
  const Folder folder;
  Cached cached(folder / "a/cache", 1 << 30, token_model(), "../../../etc/passwd\n/..");
  cached.image(1, 3);
  ASSERT_EQ(std::filesystem::directory_iterator(folder.path())->path().filename(), "a");
  for (const auto& entry : std::filesystem::directory_iterator(folder / "a/cache"))
    EXPECT_TRUE(rlx::is_aot_name(entry.path().stem().string())) << entry.path();
  for (const char* key : {"../../etc/passwd", "", "0123", "0123456789ABCDEF0123456789abcdef", "0123456789abcdef0123456789abcde/"})
    EXPECT_FALSE(rlx::explain_aot(folder / "a/cache", key)) << key;
}

// Failures 15-17: torn, cut, flipped, of another version or device, swapped: a miss with a reason, and the same answer.
TEST(Aot, RandomDamageIsAMissAndNeverAWrongAnswer) {
  const Folder folder;
  Cached cached(folder.path());
  const Blob wanted = bytes_of(cached.image(2, 3));
  ASSERT_EQ(folder.files().size(), 1u);
  const std::string path = folder / folder.files()[0];
  const Blob good = read_blob(path);
  std::mt19937_64 random(7);
  for (int i = 0; i < 10000; ++i) {
    Blob bad = good;
    const std::string what = damage(bad, random);
    const auto before = cached.pipeline.aot_counters();
    write_blob(path, bad);
    ASSERT_EQ(bytes_of(cached.image(2, 3)), wanted) << what << " " << i;
    const auto after = cached.pipeline.aot_counters();
    if (bad == good) continue;
    if (after.hits > before.hits) {  // signed anew by one who knows the format: only the dispatch report is not checked against anything
      ASSERT_EQ(what, "hostile content") << i;
      continue;
    }
    ASSERT_EQ(after.misses, before.misses + 1) << what;
    ASSERT_EQ(after.stores, before.stores + 1) << what;
  }
  std::uint64_t counted = 0;
  for (const auto& [word, count] : cached.pipeline.aot_counters().reasons) counted += count;
  EXPECT_EQ(counted, cached.pipeline.aot_counters().misses);
  EXPECT_GT(counted, 8500u);
  EXPECT_EQ(cached.log.size(), counted - 1) << "every miss but the first, which found no file, is said";
  EXPECT_NE(cached.log[0].find("is not used ("), std::string::npos) << cached.log[0];
}

TEST(Aot, AFileOfAnotherDeviceIsNotUsed) {
  const Folder folder;
  Cached cached(folder.path());
  cached.image(2, 3);
  const std::string name = folder.files()[0];
  auto file = rlx::read_aot_file(folder.path(), name, 1 << 30, false);
  ASSERT_TRUE(file) << file.error().sentence;
  rlx::AotKey other = file->key;
  other.fields.back().second = "another device";
  const std::string text = other.text();
  const std::vector<rlx::SectionSource> sections = {{1, {{reinterpret_cast<const std::byte*>(text.data()), text.size()}}}, {2, {file->image}}, {3, {file->report}}};
  ASSERT_TRUE(rlx::write_container(folder / name, rlx::ContainerKind::kVariant, sections));
  cached.image(2, 3);
  EXPECT_EQ(cached.pipeline.aot_counters().reasons.at("key"), 1u);
  EXPECT_NE(cached.log.back().find("its device is another"), std::string::npos) << cached.log.back();
}

TEST(Aot, AFileThatOthersMayWriteIsNotUsed) {
  const Folder folder;
  Cached cached(folder.path());
  cached.image(2, 3);
  ASSERT_EQ(::chmod((folder / folder.files()[0]).c_str(), 0666), 0);
  cached.image(2, 3);
  EXPECT_EQ(cached.pipeline.aot_counters().reasons.at("unsafe"), 1u);
  EXPECT_EQ(cached.pipeline.aot_counters().stores, 2u);
  cached.image(2, 3);
  EXPECT_EQ(cached.pipeline.aot_counters().hits, 1u);
}

TEST(Aot, AFolderThatCannotBeWrittenIsAMiss) {
  const Folder folder;
  write_blob(folder / "file", Blob(3));
  Cached cached(folder / "file/cache");
  EXPECT_FALSE(cached.run(1, 2).empty());
  EXPECT_EQ(cached.pipeline.aot_counters().failed_stores, 1u);
  ASSERT_FALSE(cached.log.empty());
  EXPECT_NE(cached.log.back().find(cached.pipeline.aot_counters().store_error), std::string::npos);
  EXPECT_NE(cached.pipeline.aot_counters().store_error.find("Not a directory"), std::string::npos) << cached.pipeline.aot_counters().store_error;
  EXPECT_NE(cached.log.back().find("is not kept"), std::string::npos) << cached.log.back();
}

TEST(Aot, AFullDiskIsAMissAndNoSignal) {
  const Folder folder;
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const rlimit limit{512, 512};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    Cached cached(folder.path());
    const bool ran = !cached.run(1, 2).empty();
    ::_exit(ran && cached.pipeline.aot_counters().failed_stores == 1 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_TRUE(folder.files().empty()) << "nothing half-written stays";
}

TEST(Aot, AHugeFileIsNamedAndNotRead) {
  const Folder folder;
  Cached cached(folder.path());
  cached.image(1, 1);
  const std::string huge = folder / std::string(32, 'a') + ".rlxv";
  write_blob(huge, {});
  std::filesystem::resize_file(huge, std::uint64_t{1} << 42);  // without a block on the disk
  const auto entries = rlx::list_aot(folder.path());
  ASSERT_TRUE(entries) << entries.error().to_string();
  ASSERT_EQ(entries->size(), 2u);
  EXPECT_EQ(std::count_if(entries->begin(), entries->end(), [](const rlx::AotEntry& entry) { return entry.reason == "size"; }), 1);
  const auto swept = rlx::sweep_aot(folder.path(), std::uint64_t{1} << 50);
  ASSERT_TRUE(swept) << swept.error().to_string();
  EXPECT_EQ(swept->removed_files, 1u);
  EXPECT_EQ(folder.files().size(), 1u);
}

TEST(Aot, TheLeastRecentlyUsedGoFirst) {
  const Folder folder;
  std::uint64_t one = 0;
  {
    Cached probe(folder / "probe");
    probe.image(1, 1);
    one = rlx::list_aot(folder / "probe")->front().bytes;
  }
  Cached cached(folder / "cache", one * 3 + one / 2);
  for (const std::int64_t seq : {1, 2, 3}) {
    cached.image(1, seq);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  cached.image(1, 1);  // used again: 2 is the oldest now
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  cached.image(1, 4);
  EXPECT_EQ(cached.pipeline.aot_counters().evictions, 1u);
  const auto misses = cached.pipeline.aot_counters().misses;
  for (const std::int64_t seq : {1, 3, 4}) cached.image(1, seq);
  EXPECT_EQ(cached.pipeline.aot_counters().misses, misses);
  cached.image(1, 2);
  EXPECT_EQ(cached.pipeline.aot_counters().misses, misses + 1);
  Cached tight(folder / "tight", one / 2);
  tight.image(1, 1);
  EXPECT_EQ(tight.pipeline.aot_counters().failed_stores, 1u) << "one that is beyond the whole budget is not written";
}

TEST(Aot, ManyProcessesShareOneFolder) {
  const Folder folder;
  constexpr int kWriters = 4;
  pid_t children[kWriters];
  for (pid_t& child : children) {
    child = ::fork();
    ASSERT_GE(child, 0);
    if (child != 0) continue;
    Cached cached(folder.path());
    for (int round = 0; round < 20; ++round) {
      for (const std::int64_t seq : {1, 2, 3}) cached.image(1, seq);
      std::error_code error;
      if (round % 5 == 4) std::filesystem::remove(folder / (cached.from.body() ? rlx::aot_key(*cached.from.body(), {{"batch", 1}, {"seq", 2}}).name() + ".rlxv" : ""), error);
    }
    const auto counters = cached.pipeline.aot_counters();
    const bool only_absent = counters.reasons.size() == (counters.misses ? 1u : 0u) && (counters.misses == 0 || counters.reasons.count("absent"));
    ::_exit(only_absent && counters.failed_stores == 0 ? 0 : 1);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "a reader saw a torn file, or a writer failed: " << status;
  }
  const auto entries = *rlx::list_aot(folder.path());
  for (const auto& entry : entries) EXPECT_EQ(entry.reason, "") << entry.sentence;
}

TEST(Aot, AWriterThatIsKilledLeavesNothingThatIsRead) {
  const Folder folder;
  Cached cached(folder.path());
  for (int round = 0; round < 20; ++round) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      const Blob big(1 << 22, std::byte{1});
      const std::vector<rlx::SectionSource> sections = {{1, {big}}, {2, {big}}};
      const std::string name = folder / (rlx::aot_key(*cached.from.body(), {{"batch", 1}, {"seq", 1}}).name() + ".rlxv");
      for (;;) (void)static_cast<bool>(rlx::write_container(name, rlx::ContainerKind::kVariant, sections));
    }
    ::usleep(static_cast<useconds_t>(1000 + 700 * round));
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    cached.image(1, 1);
  }
  for (const auto& [word, count] : cached.pipeline.aot_counters().reasons)
    EXPECT_TRUE(word == "absent" || word == "missing" || word == "directory" || word == "key") << word << ": a torn file was seen";
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    const timespec times[2] = {{1, 0}, {1, 0}};
    if (entry.path().extension() != ".rlxv") ::utimensat(AT_FDCWD, entry.path().c_str(), times, 0);
  }
  const auto sweep = rlx::sweep_aot(folder.path(), 1 << 30);
  ASSERT_TRUE(sweep);
  for (const std::string& name : folder.files()) EXPECT_EQ(std::filesystem::path(name).extension(), ".rlxv") << "what a dead writer left is swept";
}

TEST(Aot, ListsExplainsAndSweeps) {
  const Folder folder;
  Cached cached(folder.path());
  cached.image(1, 1);
  cached.image(1, 2);
  write_blob(folder / "notes.txt", Blob(10));
  auto entries = *rlx::list_aot(folder.path());
  ASSERT_EQ(entries.size(), 2u);
  for (const auto& entry : entries) {
    EXPECT_EQ(entry.reason, "");
    EXPECT_EQ(entry.fields.size(), 8u);
    EXPECT_GT(entry.image_bytes, 0u);
  }
  const std::string key = entries[0].key;
  Blob bad = read_blob(folder / (key + ".rlxv"));
  bad[bad.size() / 2] ^= std::byte{1};
  write_blob(folder / (key + ".rlxv"), bad);
  EXPECT_EQ(rlx::explain_aot(folder.path(), key)->reason, "content");
  EXPECT_EQ(rlx::explain_aot(folder.path(), std::string(32, '0'))->reason, "absent");
  const auto sweep = *rlx::sweep_aot(folder.path(), 1 << 30);
  EXPECT_EQ(sweep.removed_files, 1u);
  EXPECT_EQ(sweep.files, 1u);
  EXPECT_EQ(folder.files().size(), 2u) << "files of others are left alone";
  EXPECT_EQ(rlx::sweep_aot(folder.path(), 1)->removed_files, 1u);
  EXPECT_TRUE(rlx::list_aot(folder / "nowhere")->empty());
}

}  // namespace
}  // namespace rlx_test
