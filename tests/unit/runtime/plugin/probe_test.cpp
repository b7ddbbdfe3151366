// SPDX-License-Identifier: Apache-2.0
// Probing: verdicts of real child processes, and what is remembered of them.
#include <sys/stat.h>
#include <unistd.h>

#include "fakes.h"
#include "runtime/plugin/probe_process.h"

namespace rlx::testing {
namespace {

class Probe : public ::testing::Test {
 protected:
  ProbeOptions options() const {
    ProbeOptions options;
    options.program = RLX_TEST_PROBE;
    options.cache_folder = folder_ / "cache";
    return options;
  }
  ProbeVerdict probe(const fs::path& path, const ProbeOptions& options) const {
    const auto file = read_plugin_file(path);
    EXPECT_TRUE(file) << file.error().to_string();
    return Prober(options, {}, {}).probe(*file, {});
  }
  std::size_t entries() const {
    std::error_code none;
    std::size_t count = 0;
    for (fs::directory_iterator entry(folder_ / "cache/probe", none), end; !none && entry != end; ++entry)
      ++count;
    return count;
  }
  TempFolder folder_;
};

TEST_F(Probe, GoodFilesAreRememberedUntilTheyChange) {
  const fs::path path = folder_.take("good");
  EXPECT_EQ(probe(path, options()).outcome, ProbeOutcome::kGood);
  const ProbeVerdict again = probe(path, options());
  EXPECT_EQ(again.outcome, ProbeOutcome::kGood);
  EXPECT_TRUE(again.remembered);
  fs::last_write_time(path, fs::last_write_time(path) + std::chrono::seconds(5));
  EXPECT_FALSE(probe(path, options()).remembered);
}

TEST_F(Probe, CrashedFilesAreQuarantinedUntilTheyChange) {
  const fs::path path = folder_.take("load_aborts");
  const ProbeVerdict first = probe(path, options());
  EXPECT_EQ(first.outcome, ProbeOutcome::kCrashed);
  EXPECT_EQ(first.code, ErrorCode::kPluginCrashed);
  EXPECT_HAS(first.reason, "signal 6");
  ProbeOptions no_program = options();
  no_program.program = "/nonexistent/rlx-probe";
  const ProbeVerdict second = probe(path, no_program);
  EXPECT_EQ(second.outcome, ProbeOutcome::kCrashed) << "without trying again";
  EXPECT_TRUE(second.remembered);
  EXPECT_HAS(second.reason, "it is not tried again until it changes");
  fs::copy_file(fake("good"), path, fs::copy_options::overwrite_existing);
  EXPECT_EQ(probe(path, options()).outcome, ProbeOutcome::kGood);
}

TEST_F(Probe, OrderlyRefusalsAreNotRemembered) {
  const fs::path path = folder_.take("undefined_symbol");
  const ProbeVerdict verdict = probe(path, options());
  EXPECT_EQ(verdict.outcome, ProbeOutcome::kRefused);
  EXPECT_HAS(verdict.reason, "rlx_fake_that_nobody_defines");
  EXPECT_EQ(entries(), 0u);
}

TEST_F(Probe, HangsEndAtTheTimeout) {
  ProbeOptions quick = options();
  quick.timeout = std::chrono::milliseconds(200);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(probe(fake("query_hangs"), quick).outcome, ProbeOutcome::kHung);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  EXPECT_TRUE(probe(fake("query_hangs"), quick).remembered);
}

TEST_F(Probe, AnUnusableCacheIsNoCache) {
  spill(folder_ / "cache", "a file where a folder should be");
  EXPECT_EQ(probe(fake("good"), options()).outcome, ProbeOutcome::kGood);
  EXPECT_EQ(probe(fake("load_aborts"), options()).outcome, ProbeOutcome::kCrashed);
}

TEST_F(Probe, DamagedEntriesAreIgnored) {
  const fs::path path = folder_.take("good");
  probe(path, options());
  ASSERT_EQ(entries(), 1u);
  const fs::path entry = fs::directory_iterator(folder_ / "cache/probe")->path();
  for (const std::string& bytes :
       {std::string(), std::string("good\n"), slurp(entry) + "x", std::string(5000, '\0')}) {
    spill(entry, bytes);
    const ProbeVerdict verdict = probe(path, options());
    EXPECT_EQ(verdict.outcome, ProbeOutcome::kGood);
    EXPECT_FALSE(verdict.remembered);
  }
}

TEST_F(Probe, WithoutAProgramNothingIsProbedAndTheReportSaysSo) {
  ProbeOptions none = options();
  none.program = "/nonexistent/rlx-probe";
  const ProbeVerdict verdict = probe(fake("good"), none);
  EXPECT_EQ(verdict.outcome, ProbeOutcome::kNotProbed);
  EXPECT_HAS(verdict.reason, "cannot be started");
  RegistryOptions options = options_for({fake("good")});
  options.probe.program = none.program;
  const auto registry = PluginRegistry::discover(std::move(options));
  EXPECT_TRUE(registry->open_device("fake"));
  EXPECT_HAS(report_of(*registry, fake("good")).note, "not probed");
}

TEST_F(Probe, ChildrenGetNoDescriptorsOfTheHost) {
  const int leaked = ::dup(STDERR_FILENO);
  const ChildResult child =
      run_child({"/bin/sh", "-c", "ls /proc/self/fd | tr '\\n' ' ' >&3"}, std::chrono::seconds(10));
  ::close(leaked);
  ASSERT_TRUE(child.started) << child.problem;
  EXPECT_EQ(child.output.substr(0, 8), "0 1 2 3 ") << child.output;
  EXPECT_LE(child.output.size(), 12u) << child.output;  // and the listing's own
}

}  // namespace
}  // namespace rlx::testing
