// SPDX-License-Identifier: Apache-2.0
// The tool as a person runs it, over the CPU plugin, the fakes, and files that are no plugins.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "runtime/base/certificate.h"

namespace {

struct Ran {
  int code = -1;
  std::string text;
  std::string last_line() const {
    const std::size_t end = text.find_last_not_of('\n');
    const std::size_t begin = text.rfind('\n', end);
    return text.substr(begin == std::string::npos ? 0 : begin + 1, end - begin);
  }
  bool says(const std::string& part) const { return text.find(part) != std::string::npos; }
};

Ran conform(const std::string& arguments) {
  Ran ran;
  std::FILE* pipe = popen((std::string(RLX_TEST_CONFORM) + " " + arguments + " 2>&1").c_str(), "r");
  std::array<char, 4096> bytes;
  while (const std::size_t count = std::fread(bytes.data(), 1, bytes.size(), pipe)) ran.text.append(bytes.data(), count);
  const int status = pclose(pipe);
  ran.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return ran;
}

std::string fake(const std::string& name) { return std::string(RLX_TEST_FAKES) + "/" + name + "/" + name + ".so"; }

/// A case's status words, without the times.
std::string without_times(std::string text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    const std::size_t seconds = text.rfind(" s", end);
    if (seconds != std::string::npos && seconds >= at && seconds + 2 == end) {
      const std::size_t begin = text.find_last_of(' ', seconds - 1);
      text.erase(begin, end - begin);
    }
    at = text.find('\n', at) + 1;
    if (!at) break;
  }
  return text;
}

TEST(ConformTool, FindsTheCpuPluginConformant) {
  const Ran ran = conform(std::string(RLX_TEST_CPU) + " --jobs 2");
  EXPECT_EQ(ran.code, 0) << ran.text;
  EXPECT_EQ(ran.last_line().rfind("VERDICT: conformant", 0), 0u) << ran.text;
}

TEST(ConformTool, EndsInAVerdictAndSaysWhyItDoesNotLoad) {
  const std::string text = (std::filesystem::temp_directory_path() / ("rlx-text-" + std::to_string(::getpid()))).string();
  std::ofstream(text) << "text";
  for (const std::string& path : {text, std::string("/tmp"), std::string("/nonexistent"), std::string("/lib/x86_64-linux-gnu/libc.so.6"),
                                  fake("load_aborts"), fake("query_throws"), fake("query_exits"), fake("open_fails"), fake("too_new"), fake("too_old")}) {
    const Ran ran = conform(path);
    EXPECT_EQ(ran.code, 3) << path << "\n" << ran.text;
    EXPECT_EQ(ran.last_line(), "VERDICT: not loaded") << ran.text;
    EXPECT_EQ(std::count(ran.text.begin(), ran.text.end(), '\n'), 2) << ran.text;
  }
  std::filesystem::remove(text);
}

TEST(ConformTool, StopsAPluginThatHangs) {
  const Ran ran = conform(fake("query_hangs") + " --timeout-ms 300");
  EXPECT_EQ(ran.code, 3) << ran.text;
  EXPECT_TRUE(ran.says("no end in phase query")) << ran.text;
}

/// One case of a fake that does its harm where it is asked for its memory.
Ran harmed(const std::string& plugin, const std::string& options = "") {
  const auto begin = std::chrono::steady_clock::now();
  const Ran ran = conform(plugin + " --replay ABI-06/rlx.device/1.memory_stats --timeout-ms 20000 " + options);
  EXPECT_EQ(ran.code, 1) << ran.text;
  EXPECT_EQ(ran.last_line().rfind("VERDICT: not conformant", 0), 0u) << ran.text;
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20)) << ran.text;
  return ran;
}

/// A process of this name is alive.
bool runs(const std::string& name) {
  for (const auto& process : std::filesystem::directory_iterator("/proc")) {
    std::ifstream file(process.path() / "comm");
    std::string seen;
    if (file >> seen && seen == name) return true;
  }
  return false;
}

TEST(ConformTool, EndsAndNamesProcessesThatHideFromIt) {
  const Ran ran = harmed(fake("forks_away"));
  EXPECT_TRUE(ran.says("FAIL ABI-06/rlx.device/1.memory_stats")) << ran.text;
  EXPECT_TRUE(ran.says("outlived the worker, and stopped: process ")) << ran.text;
  EXPECT_TRUE(ran.says("(rlx-hidden)")) << ran.text;
  EXPECT_FALSE(runs("rlx-hidden"));
}

TEST(ConformTool, PutsAnEndToWhatPrintsWithoutOne) {
  const Ran ran = harmed(fake("prints_on"));
  EXPECT_TRUE(ran.says("its standard streams would not end")) << ran.text;
  EXPECT_TRUE(ran.says("#####")) << ran.text;
}

TEST(ConformTool, PutsAnEndToWhatTakesAllMemory) {
  const Ran ran = harmed(fake("takes_memory"), "--memory-mib 300");
  EXPECT_TRUE(ran.says("CRASH ABI-06/rlx.device/1.memory_stats")) << ran.text;
  EXPECT_TRUE(ran.says("it took more than 300 MiB of memory")) << ran.text;
}

TEST(ConformTool, PutsBackAFileThatDeletesItself) {
  const auto folder = std::filesystem::temp_directory_path() / ("rlx-deletes-" + std::to_string(::getpid()));
  std::filesystem::create_directory(folder);
  const std::string plugin = (folder / "plugin.so").string();
  std::filesystem::copy_file(fake("deletes_itself"), plugin);
  const Ran ran = harmed(plugin);
  EXPECT_TRUE(ran.says("it was gone after the case, and is put back")) << ran.text;
  std::ifstream one(plugin, std::ios::binary), other(fake("deletes_itself"), std::ios::binary);
  const std::string left(std::istreambuf_iterator<char>(one), {}), wanted(std::istreambuf_iterator<char>(other), {});
  EXPECT_TRUE(left == wanted && !wanted.empty());
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator()), 1);
  std::filesystem::remove_all(folder);
}

TEST(ConformTool, ChecksWhatItCanOfAPluginWhoseSurveyCrashes) {
  const Ran ran = conform(fake("info_crashes") + " --filter LIF-01 --filter ABI-08");
  EXPECT_EQ(ran.code, 5) << ran.text;
  EXPECT_TRUE(ran.says("ended in CRASH: signal 11")) << ran.text;
  EXPECT_TRUE(ran.says("in phase device_info")) << ran.text;
  EXPECT_TRUE(ran.says("org.example.info_crashes 1.2.3")) << ran.text;
  EXPECT_TRUE(ran.says("  LIF  1 PASS")) << ran.text;
  EXPECT_TRUE(ran.says("  ABI  ")) << ran.text;
}

TEST(ConformTool, EndsInTimeWhateverIsLeft) {
  const Ran ran = conform(std::string(RLX_TEST_CPU) + " --filter CAP --time-limit 1");
  EXPECT_EQ(ran.code, 5) << ran.text;
  EXPECT_TRUE(ran.says("cases were not run: the time of 1 s is over")) << ran.text;
}

TEST(ConformTool, IsVacuousWithoutAMatchOrADevice) {
  EXPECT_EQ(conform(fake("good") + " --filter NOTHING").code, 5);
  EXPECT_EQ(conform(fake("good") + " --replay LIF-01/nothing").code, 5);
  const Ran ran = conform(fake("no_device") + " --filter LIF-01");
  EXPECT_EQ(ran.code, 5) << ran.text;
  EXPECT_TRUE(ran.says("no device")) << ran.text;
}

TEST(ConformTool, RefusesBadUsage) {
  EXPECT_EQ(conform("").code, 2);
  EXPECT_EQ(conform("a.so --nothing").code, 2);
  EXPECT_EQ(conform("--help").code, 0);
}

TEST(ConformTool, FindsWhatIsMissing) {
  const Ran slot = conform(fake("null_slot") + " --filter ABI-08");
  EXPECT_EQ(slot.code, 1) << slot.text;
  EXPECT_TRUE(slot.says("required slot")) << slot.text;
  const Ran table = conform(fake("missing_interface") + " --filter ABI-08");
  EXPECT_NE(table.code, 0) << table.text;
}

TEST(ConformTool, ListsWhatTheDocumentationLists) {
  const Ran ran = conform("--list=markdown");
  EXPECT_EQ(ran.code, 0) << ran.text;
  std::ifstream file(RLX_TEST_DOCS "/conformance.md");
  const std::string page(std::istreambuf_iterator<char>(file), {});
  EXPECT_NE(page.find(ran.text), std::string::npos) << "docs/conformance.md lists other checks than\n" << ran.text;
}

TEST(ConformTool, CountsCrashesOfAPluginAsFailures) {
  const Ran ran = conform(fake("good") + " --filter ABI-02");
  EXPECT_EQ(ran.code, 1) << ran.text;
  EXPECT_TRUE(ran.says("CRASH ABI-02/frozen")) << ran.text;
  EXPECT_TRUE(ran.says("signal 11")) << ran.text;
}

/// Another machine, as far as a test can have one: a folder with two programs, an environment of its own, and two pipes.
struct Board {
  Board() {
    std::string made = (std::filesystem::temp_directory_path() / "rlx-board.XXXXXX").string();
    folder = ::mkdtemp(made.data());
    const std::filesystem::path programs = std::filesystem::path(RLX_TEST_CONFORM).parent_path();
    for (const char* name : {"rlx-conform-carry", "rlx-conform-worker"}) std::filesystem::copy(programs / name, folder / name);
    std::filesystem::create_directory(folder / "tmp");
    worker = " --worker '" + (programs / "rlx-conform-carry").string() + " env -i TMPDIR=" + (folder / "tmp").string() + " " +
             (folder / "rlx-conform-carry").string() + " --there'";
  }
  ~Board() { std::filesystem::remove_all(folder); }
  std::filesystem::path folder;
  std::string worker;
};

TEST(ConformTool, SeesOnABoardWhatItSeesHere) {
  const Board board;
  const auto without_seconds = [](const Ran& ran) { return ran.last_line().substr(0, ran.last_line().rfind(';')); };
  const std::string cases = std::string(RLX_TEST_CPU) + " --filter LIF-01 --filter LIF-02 --filter OPS-07 --filter ERR-05";
  const Ran here = conform(cases), there = conform(cases + board.worker);
  EXPECT_EQ(here.code, 0) << here.text;
  EXPECT_EQ(there.code, 0) << there.text;
  EXPECT_EQ(without_seconds(there), without_seconds(here));
  const Ran crash = conform(fake("good") + " --filter ABI-02" + board.worker);
  EXPECT_TRUE(crash.says("CRASH ABI-02/frozen") && crash.says("signal 11")) << crash.text;
  const Ran hang = conform(fake("query_hangs") + " --timeout-ms 3000" + board.worker);
  EXPECT_EQ(hang.code, 3) << hang.text;
  EXPECT_TRUE(hang.says("no end in phase query")) << hang.text;
  EXPECT_TRUE(std::filesystem::is_empty(board.folder / "tmp")) << "something was left on the board";
  const Ran nowhere = conform(fake("good") + " --worker '" + std::string(RLX_TEST_CONFORM) + "-carry false'");
  EXPECT_NE(nowhere.code, 0);
  EXPECT_TRUE(nowhere.says("rlx-conform-carry: `false`")) << nowhere.text;
}

TEST(ConformTool, WritesReportsForPrograms) {
  const std::string base = (std::filesystem::temp_directory_path() / ("rlx-report-" + std::to_string(::getpid()))).string();
  const Ran ran = conform(std::string(RLX_TEST_CPU) + " --filter LIF --json " + base + ".jsonl --junit " + base + ".xml");
  EXPECT_EQ(ran.code, 0) << ran.text;
  std::ifstream json(base + ".jsonl"), xml(base + ".xml");
  const std::string lines(std::istreambuf_iterator<char>(json), {}), suite(std::istreambuf_iterator<char>(xml), {});
  EXPECT_NE(lines.find("\"type\":\"run\""), std::string::npos);
  EXPECT_NE(lines.find("\"type\":\"verdict\""), std::string::npos);
  EXPECT_NE(suite.find("classname=\"LIF-01\""), std::string::npos) << suite;
  std::filesystem::remove(base + ".jsonl");
  std::filesystem::remove(base + ".xml");
}

/// A file of one waiver for the fake `good`, which ends next month or so.
std::string waiver_file(const std::string& check, const std::string& expect) {
  const std::string path = (std::filesystem::temp_directory_path() / ("rlx-waivers-" + std::to_string(::getpid()))).string();
  const std::time_t end = std::time(nullptr) + 40 * 86400;
  char date[16];
  std::strftime(date, sizeof date, "%Y-%m-%d", std::gmtime(&end));
  std::ofstream(path) << "[[waiver]]\nid = 'w'\ncheck = '" << check << "'\nplugin = 'org.example.fake'\nversions = '>=0'\nexpect = '" << expect
                      << "'\nreason = 'known'\nissue = '#1'\nowner = 'me'\nexpires = " << date << "\n";
  return path;
}

TEST(ConformTool, ExcusesWhatAWaiverExpectsAndNothingElse) {
  const std::string run = fake("good") + " --filter ABI-02/frozen --waivers ";
  const Ran crash = conform(run + waiver_file("ABI-02/frozen", "crash"));
  EXPECT_TRUE(crash.says("WAIVED ABI-02/frozen")) << crash.text;
  EXPECT_TRUE(crash.says("waiver w: used: 1 of 1 cases")) << crash.text;
  EXPECT_EQ(crash.code, 0) << crash.text;
  const Ran fail = conform(run + waiver_file("ABI-02/frozen", "fail"));
  EXPECT_EQ(fail.code, 1) << fail.text;
  EXPECT_EQ(conform(run + waiver_file("ABI-02/nothing", "crash") + " --profile ci").code, 6);
  const Ran passes = conform(fake("good") + " --filter LIF-01 --profile ci --waivers " + waiver_file("LIF-01", "crash"));
  EXPECT_EQ(passes.code, 6) << passes.text;
  EXPECT_TRUE(passes.says("XPASS LIF-01")) << passes.text;
  EXPECT_EQ(conform(run + "/nonexistent").code, 6);
  std::filesystem::remove(waiver_file("LIF-01", "fail"));
}

TEST(ConformTool, CertifiesAFileAndTheRuntimeBelievesIt) {
  const auto folder = std::filesystem::temp_directory_path() / ("rlx-certify-" + std::to_string(::getpid()));
  std::filesystem::create_directory(folder);
  const std::string plugin = (folder / "rlx_cpu.so").string();
  std::filesystem::copy_file(RLX_TEST_CPU, plugin);
  const Ran part = conform(plugin + " --certify --filter LIF-01");
  EXPECT_TRUE(part.says("no certificate is written: only a part was run")) << part.text;
  EXPECT_FALSE(std::filesystem::exists(plugin + ".rlxcert"));
  const Ran ran = conform(plugin + " --bundle --level 2 --jobs 2 --fresh-seeds 1");
  EXPECT_EQ(ran.code, 0) << ran.text;
  EXPECT_TRUE(ran.says("certificate written to " + plugin + ".rlxcert")) << ran.text;
  const rlx::Certified seen = rlx::certified(plugin);
  EXPECT_EQ(seen.text().rfind("level 2", 0), 0u) << seen.text();
  EXPECT_EQ(seen.certificate.seeds.size(), 2u);
  EXPECT_EQ(seen.certificate.plugin, "org.rlx.cpu");
  EXPECT_EQ(seen.certificate.profile, "quick");
  EXPECT_EQ(seen.certificate.tool_hash.size(), 32u);
  const Ran holds = conform("--verify-bundle " + plugin + ".rlxbundle.zip " + plugin);
  EXPECT_EQ(holds.code, 0) << holds.text;
  EXPECT_EQ(holds.last_line().rfind("VERDICT: the bundle holds: level 2, org.rlx.cpu", 0), 0u) << holds.text;
  EXPECT_FALSE(holds.says("note")) << holds.text;
  const Ran other = conform("--verify-bundle " + plugin + ".rlxbundle.zip " + RLX_TEST_CANARY);
  EXPECT_EQ(other.code, 1) << other.text;
  EXPECT_TRUE(other.says("is another file")) << other.text;
  EXPECT_EQ(conform("--verify-bundle " + plugin).code, 1);
  EXPECT_EQ(conform("--verify-bundle /nonexistent").code, 2);
  std::filesystem::remove_all(folder);
}

TEST(ConformTool, BecomesTheWorkerOfOneCase) {
  const std::string arguments = std::string(RLX_TEST_CPU) + " --in-process --case ";
  const Ran good = conform(arguments + "CAP-01/binary/add/f32");
  EXPECT_EQ(good.last_line().rfind("VERDICT: conformant", 0), 0u) << good.text;
  EXPECT_TRUE(good.says("PASS         CAP-01/binary/add/f32")) << good.text;
  const Ran crash = conform(fake("good") + " --in-process --case ABI-02/frozen");
  EXPECT_TRUE(crash.says("CRASH ABI-02/frozen")) << crash.text;
  EXPECT_TRUE(crash.says("VERDICT: not conformant")) << crash.text;
  EXPECT_EQ(conform(arguments + "OPS-01/nothing").code, 5);
  EXPECT_EQ(conform(std::string(RLX_TEST_CPU) + " --in-process").code, 2);
}

TEST(ConformTool, StartsAnotherWorker) {
  const Ran ran = conform(std::string(RLX_TEST_CPU) + " --filter LIF-01 --worker 'env RLX_UNUSED=1 " + std::filesystem::path(RLX_TEST_CONFORM).parent_path().string() +
                          "/rlx-conform-worker'");
  EXPECT_EQ(ran.code, 0) << ran.text;
  EXPECT_NE(conform(std::string(RLX_TEST_CPU) + " --filter LIF-01 --worker /nonexistent").code, 0);
}

/// A case of the CPU plugin whose worker starts with `limits` of the shell.
Ran limited(const std::string& limits, const std::string& what) {
  const std::string script = (std::filesystem::temp_directory_path() / ("rlx-limited-" + std::to_string(::getpid()))).string();
  std::ofstream(script) << limits << "\nexec " << std::filesystem::path(RLX_TEST_CONFORM).parent_path().string() << "/rlx-conform-worker\n";
  const Ran ran = conform(std::string(RLX_TEST_CPU) + " " + what + " --worker 'bash " + script + "'");
  std::filesystem::remove(script);
  return ran;
}

TEST(ConformTool, TakesAFullDiskAndShortMemoryForNoFaultOfThePlugin) {
  const Ran disk = limited("trap '' XFSZ; ulimit -f 0", "--filter OPS-02/binary.add/f32/3x67_3x67");
  EXPECT_EQ(disk.code, 4) << disk.text;
  EXPECT_TRUE(disk.says("out0 of 804 bytes cannot be written")) << disk.text;
  const Ran memory = limited("ulimit -v 1500000", "--profile ci --filter MEM-12");
  EXPECT_EQ(memory.code, 4) << memory.text;
  EXPECT_TRUE(memory.says("no memory for a tensor of")) << memory.text;
}

TEST(ConformTool, ComparesTwoRuns) {
  const std::string base = (std::filesystem::temp_directory_path() / ("rlx-diff-" + std::to_string(::getpid()))).string();
  conform(std::string(RLX_TEST_CPU) + " --filter LIF-01 --json " + base + "a");
  conform(std::string(RLX_TEST_CPU) + " --filter LIF --json " + base + "b");
  EXPECT_EQ(conform("--diff " + base + "a " + base + "b").code, 0);
  const Ran less = conform("--diff " + base + "b " + base + "a");
  EXPECT_EQ(less.code, 1) << less.text;
  EXPECT_TRUE(less.says("Not run any more")) << less.text;
  EXPECT_EQ(conform("--diff " + base + "a /nonexistent").code, 2);
  EXPECT_EQ(conform("--diff " + base + "a").code, 2);
  for (const char* name : {"a", "b"}) std::filesystem::remove(base + name);
}

/// Paths in a folder, which may go meanwhile.
std::vector<std::filesystem::path> inside(const std::filesystem::path& folder) {
  std::error_code gone;
  std::vector<std::filesystem::path> out;
  for (std::filesystem::directory_iterator at(folder, gone), end; !gone && at != end; at.increment(gone)) out.push_back(at->path());
  return out;
}

/// A run with its own folder below `folder` is at its case number `least` or a later one.
bool is_at_case(const std::string& folder, int least) {
  for (const auto& run : inside(folder))
    for (const auto& entry : inside(run))
      if (const std::string name = entry.filename().string(); name.rfind("case", 0) == 0 && std::atoi(name.c_str() + 4) >= least) return true;
  return false;
}

/// Exit status of the tool, which gets `signal` once it is at case number `least`.
int interrupted_run(const std::string& folder, const std::string& plugin, int least, int signal) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::setenv("TMPDIR", folder.c_str(), 1);
    ::execl(RLX_TEST_CONFORM, RLX_TEST_CONFORM, plugin.c_str(), "--timeout-ms", "600000", "--filter", "CAN-01", nullptr);
    ::_exit(99);
  }
  for (int i = 0; i < 6000 && !is_at_case(folder, least); ++i) ::usleep(5'000);
  ::kill(child, signal);
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(ConformTool, LeavesNothingBehindWhenItIsStopped) {
  const auto folder = std::filesystem::temp_directory_path() / ("rlx-stopped-" + std::to_string(::getpid()));
  std::filesystem::create_directory(folder);
  struct Stopped {
    std::string plugin;
    int at, signal;
  };
  for (const auto& [plugin, at, signal] : {Stopped{fake("query_hangs"), 1, SIGINT}, {std::string(RLX_TEST_CPU), 4, SIGTERM}}) {
    EXPECT_EQ(interrupted_run(folder.string(), plugin, at, signal), 128 + signal);
    EXPECT_TRUE(std::filesystem::is_empty(folder)) << plugin;
    for (const auto& process : std::filesystem::directory_iterator("/proc")) {
      std::error_code none;
      const std::string place = std::filesystem::read_symlink(process.path() / "cwd", none).string();
      EXPECT_NE(place.rfind(folder.string(), 0), 0u) << process.path() << " is left";
    }
  }
  std::filesystem::remove_all(folder);
}

TEST(ConformTool, ReplaysACaseWithTheSameResult) {
  const std::string arguments = std::string(RLX_TEST_CPU) + " --replay OPS-01/dot/f32/5x17x19:123 -v";
  const Ran one = conform(arguments), two = conform(arguments);
  EXPECT_EQ(one.code, 0) << one.text;
  EXPECT_EQ(without_times(one.text), without_times(two.text));
}

TEST(ConformTool, LeavesASmallProgramOfAFailure) {
  const std::string folder = (std::filesystem::temp_directory_path() / ("rlx-shrink-" + std::to_string(::getpid()))).string();
  const Ran ran = conform(std::string(RLX_TEST_CANARY) + " --filter 'GRF-01/random/6/*' --shrink " + folder);
  EXPECT_EQ(ran.code, 1) << ran.text;
  EXPECT_TRUE(ran.says("to      1 operations")) << ran.text;
  EXPECT_TRUE(ran.says("failed again 20 of 20 times")) << ran.text;
  int programs = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) programs += std::filesystem::file_size(entry.path() / "repro.c") > 1000;
  EXPECT_GE(programs, 1);
  std::filesystem::remove_all(folder);
}

}  // namespace
