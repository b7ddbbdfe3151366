// SPDX-License-Identifier: Apache-2.0
// What comes of a case whose worker does one thing the first time and another the next. The worker is a shell script.
#include "tools/conform/controller/runner.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace rlx::conform {
namespace {

namespace fs = std::filesystem;

/// The n-th worker of a case does the n-th thing of `acts`: pass, weak, fail, crash, hang, skip. Surveys do as `survey` says.
class Scripted {
 public:
  explicit Scripted(const std::string& acts, const std::string& survey = "fact loaded; done_well") : folder_(fs::temp_directory_path() / ("rlx-runner-" + std::to_string(::getpid()) + "-" + std::to_string(++made_))) {
    fs::create_directory(folder_);
    std::ofstream(folder_ / "worker") << R"(
frame() { printf 'RLCF' >&3; printf "\\x$(printf %02x $1)\\0\\0\\0" >&3; printf "\\x$(printf %02x ${#2})\\0\\0\\0" >&3; printf %s "$2" >&3; }
fact() { frame 3 "$1"; }
done_well() { printf 'RLCF\x09\0\0\0\x10\0\0\0\x05\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0' >&3; frame 12 ''; }
IFS= read -r -d '' mode
if [ "$mode" = survey ]; then )" << survey
                                      << R"(; exit 0; fi
if [ "$mode" = list ]; then exit 0; fi
echo >>$0.count; n=$(wc -l <$0.count)
set -- )" << acts << R"(
case ${!n} in
  hang) frame 2 execute; sleep 100;;
  fail) printf 'RLCF\x04\0\0\0\x05\0\0\0a\0b\0c' >&3; done_well;;
  crash) kill -SEGV $$;;
  weak) frame 7 thin; done_well;;
  skip) frame 5 gone; done_well;;
  *) done_well;;
esac
)";
    options_.worker = "bash " + (folder_ / "worker").string();
    options_.timeout_ms = 300;
  }
  ~Scripted() { fs::remove_all(folder_); }
  Scripted(const Scripted&) = delete;
  Scripted& operator=(const Scripted&) = delete;

  Outcome run() {
    Runner runner(options_, {"/bin/true", "/bin/true", ""}, "/nonexistent.so", false);
    EXPECT_EQ(runner.problem(), "");
    Facts facts;
    runner.survey(facts);
    Plan plan;
    plan.checks = {{"LIF-01", "loads", 1, 1, false}};
    const Outcome outcome = runner.run(plan, {0, "all", 1});
    unhealthy = runner.unhealthy();
    return outcome;
  }
  std::string unhealthy;

 private:
  static inline int made_ = 0;
  fs::path folder_;
  Options options_;
};

TEST(Runner, CallsAHangThatPassesTheNextTimeFlaky) {
  EXPECT_EQ(Scripted("hang pass").run().status, CaseStatus::kFlaky);
  EXPECT_EQ(Scripted("hang weak").run().status, CaseStatus::kFlaky);
  EXPECT_EQ(Scripted("pass").run().status, CaseStatus::kPass);
  EXPECT_EQ(Scripted("hang hang").run().status, CaseStatus::kHang);
}

TEST(Runner, NeverExcusesAHangThatFailsTheNextTime) {
  const Outcome fails = Scripted("hang fail").run();
  EXPECT_EQ(fails.status, CaseStatus::kFail);
  ASSERT_EQ(fails.failures.size(), 1u);
  EXPECT_EQ(fails.failures[0].wanted, "a");
  EXPECT_NE(fails.reason.find("hung once"), std::string::npos) << fails.reason;
  const Outcome crashes = Scripted("hang crash").run();
  EXPECT_EQ(crashes.status, CaseStatus::kCrash);
  EXPECT_NE(crashes.reason.find("signal 11"), std::string::npos) << crashes.reason;
  EXPECT_EQ(Scripted("hang skip").run().status, CaseStatus::kHang);
}

TEST(Runner, StopsWhereTheSurveyIsWorseThanBefore) {
  Scripted well("crash");
  well.run();
  EXPECT_EQ(well.unhealthy, "");
  // Found as before, but the end is missing; only the first survey has done well.
  Scripted worse("crash", "fact loaded; [ -e $0.count ] && exit 1; done_well");
  worse.run();
  EXPECT_NE(worse.unhealthy, "");
  Scripted never("crash", "fact loaded; exit 1");
  never.run();
  EXPECT_EQ(never.unhealthy, "");
}

TEST(Runner, GivesTheReferenceTimeInStepWithThePlugin) {
  Options options;
  EXPECT_EQ(reference_limit(options), std::chrono::minutes(10));
  options.timeout_ms = 300;
  EXPECT_EQ(reference_limit(options), std::chrono::minutes(2));
  options.timeout_ms = 60'000;
  EXPECT_EQ(reference_limit(options), std::chrono::hours(1));
}

}  // namespace
}  // namespace rlx::conform
