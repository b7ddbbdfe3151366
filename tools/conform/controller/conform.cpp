// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/controller/conform.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <chrono>
#include <cstring>
#include <fstream>
#include <random>
#include <thread>

#include "tools/conform/controller/budget.h"
#include "tools/conform/controller/bundle.h"
#include "tools/conform/controller/certify.h"
#include "tools/conform/controller/diff.h"
#include "tools/conform/controller/interrupt.h"
#include "tools/conform/controller/progress.h"
#include "tools/conform/controller/report_html.h"
#include "tools/conform/controller/repro.h"
#include "tools/conform/numeric/compare.h"
#include "tools/conform/numeric/expected.h"
#include "tools/conform/shared/baseline.h"

namespace rlx::conform {
namespace {

using Clock = std::chrono::steady_clock;

int stop(ExitCode code, const std::string& line) {
  std::printf("rlx conform: %s\nVERDICT: %s\n", line.c_str(), exit_word(code));
  return static_cast<int>(code);
}

/// A signal came: nothing is said of the plugin. `of`: what was done until then.
int stopped(const std::string& of) {
  std::printf("VERDICT: stopped by %s%s\n", signal_text(interrupted()).c_str(), of.c_str());
  return 128 + interrupted();
}

/// Readies PRF-04, or takes its cases out of the plan where there is no baseline. Returns why the baseline is refused.
std::string ready_baseline(RunInfo& info, Runner& runner) {
  if (info.options.baseline.empty()) {
    std::erase_if(info.plan.cases, [&](const PlannedCase& planned) { return info.plan.checks[planned.check].id == kBaselineCheck; });
    return {};
  }
  const Target target = inspect_target(info.options.baseline);
  if (!target.problem.empty()) return "--baseline: `" + clean(info.options.baseline) + "` " + clean(target.problem);
  return runner.set_baseline(target.path);
}

/// The catalogue alone; no plugin is loaded.
int show_list(const Options& options, const Programs& programs) {
  Runner runner(options, programs, "/dev/null", false);
  if (!runner.problem().empty()) return stop(ExitCode::kHarnessError, runner.problem());
  const Plan plan = full_plan(runner.list(options.profile), {}, options.profile);
  if (plan.checks.empty()) return stop(ExitCode::kHarnessError, "the worker lists no checks");
  std::fputs((options.list == "markdown" ? list_markdown(plan) : list_text(plan, false)).c_str(), stdout);
  return 0;
}

/// What measures time, or wants to be answered in time, runs alone, last: beside other work it would blame who is right.
bool runs_alone(const Plan& plan, const PlannedCase& planned) {
  const std::string group = plan.checks[planned.check].group();
  return group == "PRF" || group == "CON" || group == "CAN";
}

/// A case that failed and is said to be flaky: FLAKY where one of a few more runs passes.
Outcome tried_again(const RunInfo& info, Runner& runner, const PlannedCase& planned, Outcome first) {
  constexpr int kTries = 4;
  for (int i = 2; i <= kTries; ++i) {
    if (runner.run(info.plan, planned).status != CaseStatus::kPass) continue;
    first.status = CaseStatus::kFlaky;
    first.reason = "failed " + std::to_string(i - 1) + " of " + std::to_string(i) + " times";
    return first;
  }
  return first;
}

/// Runs all cases, `jobs` at once; `on_end` hears of each as it ends, one at a time.
std::vector<Outcome> run_all(RunInfo& info, Runner& runner, const std::function<void(const Outcome&)>& on_end) {
  std::vector<Outcome> outcomes(info.plan.cases.size());
  Budget budget(info.options);
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  bool alone = false;
  const auto lane = [&] {
    for (std::size_t i = next++; i < outcomes.size() && !interrupted(); i = next++) {
      const PlannedCase& planned = info.plan.cases[i];
      if (runs_alone(info.plan, planned) != alone) continue;
      Outcome& outcome = outcomes[i];
      std::string why_not = runner.unhealthy();
      if (why_not.empty()) why_not = budget.spent();
      if (why_not.empty()) {
        outcome = runner.run(info.plan, planned);
        if (outcome.status == CaseStatus::kFail && info.waivers.flaky(outcome.id())) outcome = tried_again(info, runner, planned, std::move(outcome));
      } else {
        outcome.check = info.plan.checks[planned.check].id;
        outcome.key = planned.key;
        outcome.seed = planned.seed;
        outcome.reason = why_not;
      }
      // What was cut off in the middle is nobody's failure.
      if (interrupted()) return;
      const std::lock_guard lock(mutex);
      info.waivers.take(outcome);
      budget.take(outcome);
      on_end(outcome);
    }
  };
  std::vector<std::thread> lanes;
  for (unsigned i = 1; i < info.options.jobs; ++i) lanes.emplace_back(lane);
  lane();
  for (std::thread& thread : lanes) thread.join();
  alone = true;
  next = 0;
  lane();
  return outcomes;
}

/// Why a run would prove nothing: the comparator errs, or the canary, which answers zeros, is let pass. Empty where neither.
std::string self_test(const Options& options, const Programs& programs) {
  if (const auto faults = comparator_faults(); !faults.empty()) return "the comparator fails its own test: " + faults[0];
  Options own = options;
  own.wrap.clear();
  own.worker.clear();
  Runner runner(own, programs, programs.canary, false);
  if (!runner.problem().empty()) return runner.problem();
  Facts facts;
  const Outcome survey = runner.survey(facts);
  if (!facts.usable()) return "the canary cannot be opened: " + (survey.failures.empty() ? survey.reason : survey.failures[0].wanted);
  Plan plan;
  plan.checks = {{"OPS-02", "", 3, 0, true}};
  const Outcome outcome = runner.run(plan, {0, "binary.add/f32/3x67_3x67", 1});
  if (outcome.status != CaseStatus::kFail) return std::string("the canary, which answers zeros, ends in ") + status_word(outcome.status);
  return {};
}

/// Why the survey is no ground to go on; empty where it is.
std::string survey_problem(const Outcome& outcome, const Facts& facts) {
  if (!facts.loaded) {
    if (!outcome.failures.empty()) return "it could not be loaded or negotiated with: " + clean(outcome.failures[0].wanted) + "; seen: " + clean(outcome.failures[0].seen);
    return "it could not be loaded: " + clean(outcome.reason);
  }
  if (!facts.opened && !facts.open_problem.empty()) return "it could not be opened: " + clean(facts.open_problem);
  return {};
}

/// How a survey ended that found something and then went wrong: what it has not found is not checked.
std::string survey_end(const Outcome& outcome) {
  if (outcome.status == CaseStatus::kPass || outcome.status == CaseStatus::kWeak) return {};
  const std::string why = outcome.reason.empty() && !outcome.failures.empty() ? outcome.failures[0].wanted + "; seen: " + outcome.failures[0].seen : outcome.reason;
  return std::string(status_word(outcome.status)) + ": " + clean(why);
}

/// A waiver may name a case that only a longer profile runs.
void finish_waivers(RunInfo& info, Runner& runner, std::vector<Outcome>& outcomes) {
  if (info.waivers.uses().empty()) return;
  std::vector<std::string> known;
  const Plan longest = full_plan(runner.list("full"), info.facts, "full");
  for (const PlannedCase& planned : longest.cases) known.push_back(longest.id_of(planned));
  info.waivers.finish(known, info.options.profile != "quick", outcomes);
}

/// Reads --waivers. Returns why the file is refused, with its name.
std::string load_waivers(RunInfo& info) {
  if (info.options.waivers.empty()) return {};
  const WaiverFile file = read_waivers(info.options.waivers, info.date);
  if (!file.problem.empty()) return "`" + clean(info.options.waivers) + "`: " + clean(file.problem);
  info.waivers = Waivers(file.waivers, info.facts, info.date, !info.options.certify.empty());
  if (const auto text = read_bytes(info.options.waivers)) info.waivers_text = *text;
  return {};
}

/// How many of these a certificate needs where nobody says another number.
constexpr std::uint64_t kCertifySeeds = 3;

/// Seeds that no plugin can know; short enough to be typed.
std::vector<std::uint64_t> fresh_seeds(std::uint64_t count) {
  std::random_device device;
  std::vector<std::uint64_t> seeds;
  while (seeds.size() < count) seeds.push_back(device() % 1'000'000'000 + 1);
  return seeds;
}

/// --junit and --html. Returns what cannot be written.
std::string write_files(const RunInfo& info, const std::vector<Outcome>& outcomes, const Verdict& verdict) {
  const auto write = [](const std::string& path, const std::string& text) {
    std::ofstream file(path);
    file << text;
    return file.flush() ? std::string() : "`" + clean(path) + "` cannot be written";
  };
  std::string problem;
  if (!info.options.junit.empty()) problem = write(info.options.junit, junit(info, outcomes, verdict));
  if (problem.empty() && !info.options.html.empty()) problem = write(info.options.html, html(info, outcomes, verdict));
  return problem;
}

/// Small forms of the first failing numeric cases, each in a folder of its own; a line about each.
void shrink_failures(const RunInfo& info, Runner& runner, const std::vector<Outcome>& outcomes) {
  constexpr int kMost = 3;
  int done = 0;
  for (std::size_t i = 0; i < outcomes.size() && done < kMost && !interrupted(); ++i) {
    const Outcome& outcome = outcomes[i];
    const bool failed = outcome.status == CaseStatus::kFail || outcome.status == CaseStatus::kCrash;
    if (!failed || !info.plan.checks[info.plan.cases[i].check].numeric) continue;
    const auto shrunk = runner.shrink(info.plan, info.plan.cases[i], outcome.status);
    if (!shrunk || interrupted()) continue;
    ++done;
    std::string name = outcome.id();
    std::replace_if(name.begin(), name.end(), [](char c) { return !std::isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '.'; }, '_');
    const std::string folder = info.options.shrink + "/" + name;
    const auto written = write_repro(folder, shrunk->smallest, outcome, replay_command(info, outcome));
    std::printf("\nSHRUNK %s\n  to      %u operations in %u runs; failed again %u of %u times\n  program %s\n", outcome.id().c_str(), op_count(shrunk->smallest),
                shrunk->probes, shrunk->confirmed, ShrinkLimits().confirmations, written ? (clean(folder) + "/repro.c").c_str() : written.error().message().c_str());
  }
}

/// --certify and --bundle. Returns what was earned and cannot be written.
std::string certify(const RunInfo& info, const std::vector<Outcome>& outcomes, const Verdict& verdict, const std::string& report) {
  if (info.options.certify.empty()) return {};
  bool written = true;
  const std::string line = write_certificate(info, verdict, written);
  if (!written) return line;
  std::printf("\n%s\n", line.c_str());
  if (info.options.bundle.empty() || !certificate_refusal(info, verdict).empty()) return {};
  const std::string path = info.options.bundle == kBesidePlugin ? info.target.path + ".rlxbundle.zip" : info.options.bundle;
  if (const auto made = write_bundle(path, bundle_entries(info, outcomes, verdict, report)); !made) return "no bundle: " + made.error().message();
  std::printf("bundle written to %s\n", clean(path).c_str());
  return {};
}

int run_plugin(RunInfo& info, Runner& runner, Clock::time_point begin) {
  JsonReport json(info.options.json, !info.options.bundle.empty());
  if (!json.good()) return stop(ExitCode::kHarnessError, "`" + info.options.json + "` cannot be written");
  std::fputs(text_header(info).c_str(), stdout);
  std::fflush(stdout);
  json.begin(info);
  std::size_t ended = 0;
  std::vector<Outcome> outcomes;
  {
    Progress progress(info.plan.cases.size(), STDERR_FILENO);
    outcomes = run_all(info, runner, [&](const Outcome& outcome) {
      ++ended;
      json.outcome(info, outcome);
      progress.take(outcome);
      if (!info.options.verbose) return;
      progress.clear();
      std::fputs(text_case(outcome).c_str(), stdout);
      std::fflush(stdout);
    });
  }
  if (interrupted()) return stopped(" after " + std::to_string(ended) + " of " + std::to_string(info.plan.cases.size()) + " cases");
  finish_waivers(info, runner, outcomes);
  Verdict verdict = verdict_of(info, outcomes);
  verdict.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  std::fputs(text_groups(info, outcomes).c_str(), stdout);
  for (const Outcome& outcome : outcomes)
    if (outcome.status != CaseStatus::kPass && outcome.status != CaseStatus::kUnsupported && outcome.status != CaseStatus::kSkip && outcome.status != CaseStatus::kNotRun)
      std::fputs(text_failure(info, outcome).c_str(), stdout);
  if (!info.options.shrink.empty()) shrink_failures(info, runner, outcomes);
  if (interrupted()) return stopped(" while failures were cut small");
  std::fputs(text_waivers(info).c_str(), stdout);
  json.end(info, outcomes, verdict);
  if (const std::string problem = write_files(info, outcomes, verdict); !problem.empty()) return stop(ExitCode::kHarnessError, problem);
  if (const std::string problem = certify(info, outcomes, verdict, json.text()); !problem.empty()) return stop(ExitCode::kHarnessError, problem);
  std::printf("\n%s", verdict_line(info, verdict).c_str());
  return static_cast<int>(verdict.code);
}

/// Becomes the worker; returns only where it cannot.
int run_in_process(const RunInfo& info, Runner& runner) {
  if (info.plan.cases.size() != 1) return stop(ExitCode::kVacuous, "`" + clean(info.options.replays[0]) + "` matches no case");
  std::fflush(nullptr);
  const std::string problem = runner.in_process(info.plan, info.plan.cases[0], [&](const Outcome& outcome) {
    std::fputs((outcome.status == CaseStatus::kPass ? text_case(outcome) : text_failure(info, outcome)).c_str(), stdout);
    std::fputs(verdict_line(info, verdict_of(info, {outcome})).c_str(), stdout);
    std::fflush(nullptr);
  });
  return stop(ExitCode::kHarnessError, problem);
}

}  // namespace

int run_conform(const std::vector<std::string>& arguments, const Programs& programs) {
  const auto begin = Clock::now();
  RunInfo info;
  info.options = parse_options(arguments);
  if (!info.options.problem.empty()) return stop(ExitCode::kUsage, info.options.problem + "; `rlx conform --help` lists the options");
  if (info.options.help) return std::fputs(usage_text().c_str(), stdout), 0;
  if (!info.options.diff.empty()) return show_diff(info.options.diff[0], info.options.diff[1]);
  if (!info.options.verify_bundle.empty()) return show_bundle(info.options, programs);
  if (!info.options.list.empty() && info.options.plugin.empty()) return show_list(info.options, programs);
  info.options.fresh = fresh_seeds(info.options.fresh_count.value_or(info.options.certify.empty() ? 0 : kCertifySeeds));
  info.date = today();
  info.tool_hash = tool_hash(programs);
  info.target = inspect_target(info.options.plugin);
  if (!info.target.problem.empty()) return stop(ExitCode::kNotLoaded, "`" + clean(info.options.plugin) + "` " + clean(info.target.problem));
  const std::string fault = self_test(info.options, programs);
  if (interrupted()) return stopped(" before the first case");
  if (!fault.empty()) return stop(ExitCode::kHarnessError, "VOID: " + fault);
  Runner runner(info.options, programs, info.target.path, info.target.descriptor.sonames[0][0] != 0);
  if (!runner.problem().empty()) return stop(ExitCode::kHarnessError, runner.problem());
  const Outcome survey = runner.survey(info.facts);
  if (interrupted()) return stopped(" before the first case");
  if (const std::string problem = survey_problem(survey, info.facts); !problem.empty())
    return stop(ExitCode::kNotLoaded, "`" + clean(info.options.plugin) + "`: " + problem);
  info.survey_problem = survey_end(survey);
  info.plan = chosen_plan(full_plan(runner.list(info.options.profile), info.facts, info.options.profile), info.options);
  if (interrupted()) return stopped(" before the first case");
  if (info.plan.checks.empty()) return stop(ExitCode::kHarnessError, "the worker lists no checks");
  if (const std::string problem = ready_baseline(info, runner); !problem.empty()) return stop(ExitCode::kUsage, problem);
  if (!info.options.list.empty()) return std::fputs(list_text(info.plan, true).c_str(), stdout), 0;
  if (const std::string problem = load_waivers(info); !problem.empty()) return stop(ExitCode::kWaivers, problem);
  if (info.options.in_process) return run_in_process(info, runner);
  return run_plugin(info, runner, begin);
}

}  // namespace rlx::conform
