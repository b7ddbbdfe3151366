// SPDX-License-Identifier: Apache-2.0
// Runs workers: the survey, the list, and each case in a process of its own.
#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "tools/conform/controller/file_guard.h"
#include "tools/conform/controller/judge.h"
#include "tools/conform/controller/options.h"
#include "tools/conform/controller/plan.h"
#include "tools/conform/controller/target.h"
#include "tools/conform/numeric/numeric.h"
#include "tools/conform/numeric/shrink.h"

namespace rlx::conform {

/// Where the programs beside this one are.
struct Programs {
  std::string worker, reference, canary;
};
Programs find_programs(const std::string& folder);

/// How long the reference may take for a case: it is slow by design, and as slow as the machine, so 60 times as long as a call of
/// the plugin, and two minutes at least.
std::chrono::milliseconds reference_limit(const Options& options);

class Runner {
 public:
  /// Makes a private folder and the images that checks ask for. `problem()` says where that failed.
  Runner(const Options& options, Programs programs, std::string plugin, bool uses_driver);
  ~Runner();
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;
  const std::string& problem() const { return problem_; }

  /// Surveys the plugin; `facts` are what it told, and what later workers are given.
  Outcome survey(Facts& facts);
  /// Tells workers of PRF-04 what to compare with. Returns why it cannot.
  std::string set_baseline(const std::string& path);
  /// The worker's answer to `list` of a profile, for the facts of the survey, or for none.
  std::vector<Frame> list(const std::string& profile);
  /// One case; a hang is tried a second time alone, and after a crash or hang the device's health is looked at.
  Outcome run(const Plan& plan, const PlannedCase& planned);
  /// A smaller case that fails as this one did. Errors: kUnsupportedOps for cases that are not one image and one run.
  Result<Shrunk> shrink(const Plan& plan, const PlannedCase& planned, CaseStatus failed);
  /// For a debugger: this process becomes the worker of one case; a child of it hands the outcome to `tell`. Returns only
  /// where that fails, with why.
  std::string in_process(const Plan& plan, const PlannedCase& planned, const std::function<void(const Outcome&)>& tell);
  /// Why what is left is not run; empty where it is: a survey after a crash or hang has failed, or the plugin's file is another one.
  std::string unhealthy() const;

 private:
  Outcome once(const CheckInfo& check, const PlannedCase& planned);
  void look_at_file(ProcessResult& result);
  void look_at_device();
  void compare_numeric(const NumericCase& made, const std::string& folder, Outcome& outcome);
  ProcessRequest worker_request(const std::string& mode, const std::string& check, const std::string& key, std::uint64_t seed,
                                const std::string& folder);
  Outcome numeric(const CheckInfo& check, const PlannedCase& planned);
  /// One image, run once by a worker, beside what is right.
  Outcome compute(const NumericCase& made);
  Outcome ask_each(const NumericCase& made);
  /// Inlines what the device answers EXPAND for until all is NATIVE; else how it ended.
  Outcome inline_as_asked(std::string& image);
  ProcessResult worker(const std::string& mode, const std::string& check, const std::string& key, std::uint64_t seed,
                       const std::string& folder);
  std::string new_folder();
  std::string new_folder(const std::string& in);
  std::string prepare();

  Options options_;
  Programs programs_;
  std::string plugin_, problem_;
  std::string folder_, truths_;  ///< below the one, which workers are told, lies what they need; below the other what is right
  FileGuard guard_;
  bool uses_driver_;
  Facts facts_;
  mutable std::mutex mutex_;
  std::mutex alone_;
  std::uint64_t folders_ = 0;
  std::string unhealthy_;
  bool survey_ended_ = false;  ///< the first one, well or with failures
};

}  // namespace rlx::conform
