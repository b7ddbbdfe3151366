// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/controller/runner.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <initializer_list>
#include <sstream>

#include "tools/conform/controller/coverage.h"
#include "tools/conform/controller/machine.h"
#include "tools/conform/numeric/expected.h"
#include "tools/conform/numeric/numeric.h"
#include "tools/conform/numeric/stock.h"
#include "tools/conform/shared/baseline.h"

namespace rlx::conform {
namespace {

namespace fs = std::filesystem;
/// Address space of a plugin that computes on the CPU. Drivers map far more than they use.
constexpr std::uint64_t kMemoryMost = std::uint64_t{64} << 30;
/// A file of a case, and what it prints. The longest that a check makes is a table of 1 GiB.
constexpr std::uint64_t kFileMost = std::uint64_t{4} << 30;

/// What all lanes take together leaves the machine a quarter.
std::uint64_t resident_most(const Options& options) {
  return options.memory_mib ? options.memory_mib << 20 : memory_of_machine() / 4 * 3 / options.jobs;
}

/// A folder that goes with its case.
class CaseFolder {
 public:
  explicit CaseFolder(std::string path) : path_(std::move(path)) {}
  ~CaseFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  CaseFolder(const CaseFolder&) = delete;
  CaseFolder& operator=(const CaseFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> out;
  for (std::string word; stream >> word;) out.push_back(word);
  return out;
}

/// Of a case of steps: image0.lir, …; `steps`, a line each with the number of its image; step0.in0, …
Status write_steps(const std::string& folder, const NumericCase& made) {
  std::string lines;
  for (std::size_t i = 0; i < made.images.size(); ++i) RLX_TRY(write_bytes(folder + "/image" + std::to_string(i) + ".lir", made.images[i]));
  for (std::size_t k = 0; k < made.steps.size(); ++k) {
    const NumericStep& step = made.steps[k];
    lines += std::to_string(step.image) + "\n";
    const std::string prefix = folder + "/step" + std::to_string(k) + ".in";
    for (std::size_t i = 0; i < step.inputs.size(); ++i) RLX_TRY(write_bytes(prefix + std::to_string(i), step.inputs[i]));
  }
  return write_bytes(folder + "/steps", lines);
}

Status write_case(const std::string& folder, const NumericCase& made) {
  if (!made.steps.empty()) RLX_TRY(write_steps(folder, made));
  RLX_TRY(write_bytes(folder + "/case.lir", made.image));
  if (made.refused) RLX_TRY(write_bytes(folder + "/refused", made.untouched ? "untouched" : ""));
  for (std::size_t i = 0; i < made.inputs.size(); ++i) RLX_TRY(write_bytes(folder + "/in" + std::to_string(i), made.inputs[i]));
  for (std::size_t i = 0; i < made.params.size(); ++i) RLX_TRY(write_bytes(folder + "/param" + std::to_string(i), made.params[i]));
  std::string options;
  for (const auto& [key, value] : made.options) options += key + " " + value + "\n";
  if (!options.empty()) RLX_TRY(write_bytes(folder + "/options", options));
  if (made.through_artifact) RLX_TRY(write_bytes(folder + "/through_artifact", ""));
  return {};
}

/// Neither crashed nor hung.
bool ended(const Outcome& outcome) { return outcome.status != CaseStatus::kCrash && outcome.status != CaseStatus::kHang; }

Outcome harness_error(const std::string& reason) {
  Outcome outcome;
  outcome.status = CaseStatus::kHarnessError;
  outcome.reason = reason;
  return outcome;
}

/// Where an output of the worker lies, and how much of it is compared.
struct OutputPlace {
  std::string file, name;
  std::uint64_t specified = UINT64_MAX;
};

std::vector<OutputPlace> output_places(const NumericCase& made, const std::vector<std::uint32_t>& counts) {
  std::vector<OutputPlace> places;
  for (std::size_t k = 0; k < counts.size(); ++k)
    for (std::uint32_t i = 0; i < counts[k]; ++i) {
      const std::string name = std::to_string(i);
      if (made.steps.empty()) {
        places.push_back({"/out" + name, "output " + name});
        continue;
      }
      places.push_back({"/step" + std::to_string(k) + ".out" + name, "step " + std::to_string(k) + ", output " + name});
      if (i < made.steps[k].specified.size()) places.back().specified = made.steps[k].specified[i];
    }
  return places;
}

/// The first elements alone, where not all are specified.
void cut(reference::Tensor& tensor, std::string& bytes, std::uint64_t specified) {
  if (specified >= tensor.count()) return;
  tensor.dims = {static_cast<std::int64_t>(specified)};
  for (auto* reals : {&tensor.v, &tensor.e})
    if (reals->size() > specified) reals->resize(specified);
  if (tensor.i.size() > specified) tensor.i.resize(specified);
  bytes.resize(std::min<std::size_t>(bytes.size(), specified * dtype_bytes(tensor.dtype)));
}

/// What the worker left in its folder, beside what is right.
void compare_outputs(const std::string& folder, std::vector<reference::Tensor> expected, const NumericCase& made, Outcome& outcome) {
  const CompareOptions& options = made.compare;
  const std::size_t steps = made.steps.empty() ? 1 : made.steps.size();
  std::vector<std::uint32_t> counts(steps, static_cast<std::uint32_t>(expected.size()));
  if (!made.steps.empty()) {
    for (std::size_t k = 0; k < steps; ++k) counts[k] = output_count(made.images[made.steps[k].image]);
  }
  const std::vector<OutputPlace> places = output_places(made, counts);
  double worst = 0, loose = 0, all = 0;  // loose, all: numbers of elements
  for (std::size_t i = 0; i < expected.size() && i < places.size(); ++i) {
    auto bytes = read_bytes(folder + places[i].file);
    if (bytes) cut(expected[i], *bytes, places[i].specified);
    const Comparison result = compare(expected[i], bytes ? *bytes : std::string(), options);
    outcome.elements += result.compared;
    ++outcome.assertions;
    worst = std::max(worst, result.worst);
    outcome.measured |= options.most < 0 && expected[i].real() && !expected[i].e.empty();
    loose += result.loose * static_cast<double>(expected[i].count());
    all += static_cast<double>(expected[i].count());
    if (result.good) continue;
    outcome.status = CaseStatus::kFail;
    outcome.failures.push_back({places[i].name + ", " + result.problem.substr(0, result.problem.rfind(", seen ")),
                                result.seen + " (" + std::to_string(result.wrong) + " of " + std::to_string(expected[i].count()) + " elements are wrong)",
                                "compare"});
  }
  outcome.worst = worst;
  if (outcome.status == CaseStatus::kPass && worst > 0.5)
    outcome.notes.push_back("an element uses " + std::to_string(worst) + " of its bound");
  if (outcome.status == CaseStatus::kPass && !outcome.elements && all > 0) {
    outcome.status = CaseStatus::kWeak;
    outcome.reason = "each of the " + std::to_string(static_cast<std::uint64_t>(all)) + " elements may be another: nothing is compared";
  }
  if (outcome.status == CaseStatus::kPass && loose > 0.1 * all && options.most < 0 && !options.loose_is_fine) {
    outcome.status = CaseStatus::kWeak;
    outcome.reason = "the bounds of " + std::to_string(loose / all * 100) + " % of the elements are wider than a hundredth of the result";
  }
}

}  // namespace

Programs find_programs(const std::string& folder) {
  return {folder + "/rlx-conform-worker", folder + "/rlx-conform-reference", folder + "/rlx-conform-canary.so"};
}

std::chrono::milliseconds reference_limit(const Options& options) {
  constexpr std::uint64_t kLeastMs = 120'000, kTimes = 60;
  return std::chrono::milliseconds(std::max(options.timeout_ms * kTimes, kLeastMs));
}

Runner::Runner(const Options& options, Programs programs, std::string plugin, bool uses_driver)
    : options_(options), programs_(std::move(programs)), plugin_(std::move(plugin)), guard_(plugin_), uses_driver_(uses_driver) {
  problem_ = prepare();
}

Runner::~Runner() {
  std::error_code ignored;
  for (const std::string& folder : {folder_, truths_})
    if (!folder.empty()) fs::remove_all(folder, ignored);
}

std::string Runner::prepare() {
  std::error_code error;
  for (const std::string& program : {programs_.worker, programs_.reference})
    if (::access(program.c_str(), X_OK) != 0) return "`" + program + "` is missing: it belongs beside this program";
  for (std::string* folder : {&folder_, &truths_}) {
    std::string name = (fs::temp_directory_path(error) / "rlx-conform-XXXXXX").string();
    if (error || !::mkdtemp(name.data())) return "no private folder can be made below the temporary folder";
    *folder = name;
  }
  fs::create_directories(folder_ + "/images/busy", error);
  fs::create_directories(folder_ + "/images/hostile", error);
  fs::create_directories(folder_ + "/images/wgt", error);
  const auto images = stock_images();
  if (!images) return images.error().message();
  for (const StockImage& image : *images)
    if (const auto written = write_bytes(folder_ + "/images/" + image.name + ".lir", image.bytes); !written)
      return written.error().message();
  return {};
}

std::string Runner::new_folder() { return new_folder(folder_); }

std::string Runner::new_folder(const std::string& in) {
  const std::lock_guard lock(mutex_);
  const std::string path = in + "/case" + std::to_string(++folders_);
  std::error_code ignored;
  fs::create_directory(path, ignored);
  return path;
}

ProcessRequest Runner::worker_request(const std::string& mode, const std::string& check, const std::string& key, std::uint64_t seed,
                                      const std::string& folder) {
  ProcessRequest request;
  request.arguments = words_of(options_.wrap);
  const bool wrapped = !request.arguments.empty() || !options_.worker.empty() || options_.in_process;
  for (std::string& word : options_.worker.empty() ? std::vector<std::string>{programs_.worker} : words_of(options_.worker))
    request.arguments.push_back(std::move(word));
  // Not as arguments: a plugin could read those.
  request.input = join_texts({mode, plugin_, check, key, std::to_string(seed), folder_, std::to_string(wrapped ? 0 : ::getpid())});
  request.environment = clean_environment(folder, options_.pass);
  if (!wrapped) {
    if (!uses_driver_) request.environment.push_back("RLX_CONFORM_MEMORY=" + std::to_string(kMemoryMost));
    request.environment.push_back("RLX_CONFORM_RESIDENT=" + std::to_string(resident_most(options_)));
    request.environment.push_back("RLX_CONFORM_FILE=" + std::to_string(kFileMost));
  }
  request.folder = folder;
  request.phase_limit = std::chrono::milliseconds(options_.timeout_ms);
  request.total_limit = std::chrono::milliseconds(options_.timeout_ms * 12);
  return request;
}

ProcessResult Runner::worker(const std::string& mode, const std::string& check, const std::string& key, std::uint64_t seed,
                             const std::string& folder) {
  ProcessResult result = run_process(worker_request(mode, check, key, seed, folder));
  look_at_file(result);
  return result;
}

void Runner::look_at_file(ProcessResult& result) {
  const FileGuard::State state = guard_.look();
  if (state == FileGuard::State::kWasGone)
    result.frames.push_back({FrameKind::kFail, join_texts({"the plugin's own file stays where it is", "it was gone after the case, and is put back", "any"})});
  if (state != FileGuard::State::kChanged) return;
  const std::lock_guard lock(mutex_);
  unhealthy_ = "the plugin's file was changed during the run, by itself or by somebody else";
}

Outcome Runner::survey(Facts& facts) {
  const CaseFolder folder(new_folder());
  const ProcessResult result = worker("survey", "survey", "all", 1, folder.path());
  std::vector<std::string> lines;
  std::string text;
  for (const Frame& frame : result.frames)
    if (frame.kind == FrameKind::kFact) lines.push_back(frame.payload), text += frame.payload + "\n";
  facts = facts_from_lines(lines);
  const Outcome outcome = judge(result);
  const std::lock_guard lock(mutex_);
  if (!facts_.loaded) {
    facts_ = facts;
    survey_ended_ = ended(outcome);
    if (!write_bytes(folder_ + "/facts", text)) problem_ = "the facts of the survey cannot be written";
  }
  return outcome;
}

std::string Runner::set_baseline(const std::string& path) {
  const auto written = write_bytes(folder_ + "/" + kBaselineFile, path + "\n");
  return written ? std::string() : written.error().message();
}

std::vector<Frame> Runner::list(const std::string& profile) {
  const CaseFolder folder(new_folder());
  return worker("list", "list", profile, 1, folder.path()).frames;
}

Outcome Runner::inline_as_asked(std::string& image) {
  bool expanded = false;
  for (int round = 0; round < 12; ++round) {
    const CaseFolder folder(new_folder());
    if (const auto written = write_bytes(folder.path() + "/case.lir", image); !written) return harness_error(written.error().message());
    Outcome outcome = judge(worker("ask", "case", "all", 0, folder.path()));
    if (outcome.status != CaseStatus::kPass) return outcome;
    const auto bytes = read_bytes(folder.path() + "/verdicts");
    if (!bytes) return harness_error("the worker left no verdicts");
    std::vector<std::uint32_t> verdicts(bytes->size() / 4);
    std::memcpy(verdicts.data(), bytes->data(), verdicts.size() * 4);
    const auto inlined = inline_expanded(image, verdicts, facts_);
    if (!inlined) return harness_error(inlined.error().message());
    if (!inlined->refused.empty()) {
      // What was there from the start is a wish; what an EXPAND led to was promised, if claimed.
      outcome.status = expanded && inlined->claimed ? CaseStatus::kFail : CaseStatus::kUnsupported;
      outcome.reason = inlined->refused + " is UNSUPPORTED";
      if (outcome.status == CaseStatus::kFail) outcome.failures.push_back({"what a composite expands to, and a claim row has, is NATIVE or EXPAND", outcome.reason, "query_support"});
      return outcome;
    }
    if (!inlined->changed) return outcome;
    expanded = true;
    image = inlined->image;
  }
  return harness_error("after 12 rounds the device still answers EXPAND");
}

/// Asks about each image and runs none.
Outcome Runner::ask_each(const NumericCase& made) {
  const CaseFolder folder(new_folder());
  for (std::size_t i = 0; i < made.asked.size(); ++i)
    if (const auto written = write_bytes(folder.path() + "/case" + std::to_string(i) + ".lir", made.asked[i].bytes); !written)
      return harness_error(written.error().message());
  Outcome outcome = judge(worker("ask_each", "case", "all", 0, folder.path()));
  if (outcome.status != CaseStatus::kPass) return outcome;
  const auto bytes = read_bytes(folder.path() + "/verdicts");
  if (!bytes || bytes->size() != made.asked.size() * 4) return harness_error("the worker left not one verdict an image");
  std::vector<std::uint32_t> verdicts(made.asked.size());
  std::memcpy(verdicts.data(), bytes->data(), bytes->size());
  outcome.assertions = 0;
  outcome.elements = verdicts.size();
  for (const std::string& name : native_outside(made, verdicts)) outcome.failures.push_back({name + " is NATIVE only within a claim row", "NATIVE, and no row has it", "query_support"});
  if (!outcome.failures.empty()) outcome.status = CaseStatus::kFail;
  if (is_empty_row(made, verdicts)) {
    outcome.status = CaseStatus::kUnsupported;
    outcome.reason = "the claim row is empty: none of its " + std::to_string(verdicts.size()) + " cases is NATIVE";
  }
  return outcome;
}

/// The judging half: what is right for `made`, from the controller's own copy, beside what the worker left in `folder`.
void Runner::compare_numeric(const NumericCase& made, const std::string& folder, Outcome& outcome) {
  if (made.refused) {  // nothing to compare; the worker has looked at the outputs
    outcome.elements = outcome.status == CaseStatus::kPass ? 1 : 0;
    return;
  }
  outcome.assertions = 0;
  if (outcome.status != CaseStatus::kPass) return;
  const auto fault = [&](const std::string& reason) {
    outcome.status = CaseStatus::kHarnessError;
    outcome.reason = reason;
  };
  const CaseFolder truth(new_folder(truths_));
  if (const auto written = write_case(truth.path(), made); !written) return fault(written.error().message());
  ProcessRequest request;
  request.arguments = {programs_.reference, made.steps.empty() ? std::to_string(made.inputs.size()) : "steps", std::to_string(made.params.size())};
  request.environment = clean_environment(truth.path(), {});
  request.folder = truth.path();
  request.phase_limit = request.total_limit = reference_limit(options_);
  const Outcome computed = judge(run_process(request));
  if (computed.status == CaseStatus::kHang)
    return fault("the reference has not ended within " + std::to_string(request.total_limit.count() / 1000) + " s; a longer --timeout-ms gives it more");
  if (!computed.failures.empty()) return fault("the reference: " + computed.failures[0].seen);
  const auto bytes = read_bytes(truth.path() + "/expected");
  if (!bytes) return fault("the reference left no result: " + computed.reason);
  const auto expected = unpack(*bytes);
  if (!expected) return fault(expected.error().message());
  compare_outputs(folder, *expected, made, outcome);
}

std::string Runner::in_process(const Plan& plan, const PlannedCase& planned, const std::function<void(const Outcome&)>& tell) {
  const CheckInfo& check = plan.checks[planned.check];
  const std::string folder = new_folder();
  const NumericCheck* numeric = check.numeric ? find_numeric(check.id) : nullptr;
  NumericCase made;
  if (numeric) {
    auto result = numeric->make(planned.key, planned.seed, facts_);
    if (!result) return "the case cannot be made: " + result.error().message();
    made = std::move(*result);
    if (!made.asked.empty()) return "the case asks, and runs nothing";
    NumericCase ready = made;
    if (numeric->asks)
      if (const Outcome asked = inline_as_asked(ready.image); asked.status != CaseStatus::kPass) return "the case is not run: " + asked.reason;
    if (const auto written = write_case(folder, ready); !written) return written.error().message();
  }
  ProcessRequest request = numeric ? worker_request(made.steps.empty() ? "compute" : "steps", "case", "all", 0, folder) : worker_request("check", check.id, planned.key, planned.seed, folder);
  return become(std::move(request), [&](const ProcessResult& result) {
    Outcome outcome = judge(result);
    if (numeric) compare_numeric(made, folder, outcome);
    outcome.check = check.id;
    outcome.key = planned.key;
    outcome.seed = planned.seed;
    tell(outcome);
    std::error_code ignored;
    for (const std::string& used : {folder_, truths_}) fs::remove_all(used, ignored);
  });
}

Outcome Runner::numeric(const CheckInfo& info, const PlannedCase& planned) {
  const NumericCheck* check = find_numeric(info.id);
  if (!check) return harness_error("no numeric check " + info.id);
  const auto made = check->make(planned.key, planned.seed, facts_);
  if (!made) return harness_error("the case cannot be made: " + made.error().message());
  if (!made->asked.empty()) return ask_each(*made);
  const CaseFolder folder(new_folder());
  NumericCase ready = *made;
  if (check->asks)
    if (Outcome asked = inline_as_asked(ready.image); asked.status != CaseStatus::kPass) return asked;
  if (const auto written = write_case(folder.path(), ready); !written) return harness_error(written.error().message());
  Outcome outcome = judge(worker(made->steps.empty() ? "compute" : "steps", "case", "all", 0, folder.path()));
  // What must be refused is compared with nothing.
  if (!made->refused) note_covers(made->image, outcome);
  compare_numeric(*made, folder.path(), outcome);
  return outcome;
}

Outcome Runner::compute(const NumericCase& made) {
  const CaseFolder folder(new_folder());
  if (const auto written = write_case(folder.path(), made); !written) return harness_error(written.error().message());
  Outcome outcome = judge(worker("compute", "case", "all", 0, folder.path()));
  compare_numeric(made, folder.path(), outcome);
  return outcome;
}

Result<Shrunk> Runner::shrink(const Plan& plan, const PlannedCase& planned, CaseStatus failed) {
  const NumericCheck* check = find_numeric(plan.checks[planned.check].id);
  if (!check) return fail(ErrorCode::kUnsupportedOps, "it is no case of numbers");
  RLX_ASSIGN(const NumericCase made, check->make(planned.key, planned.seed, facts_));
  if (check->asks || !made.steps.empty() || !made.asked.empty()) return fail(ErrorCode::kUnsupportedOps, "it is more than one run of one image");
  if (!made.options.empty()) return fail(ErrorCode::kUnsupportedOps, "it sets an option of compile");
  return shrink_case(made, [&](const NumericCase& smaller) { return compute(smaller).status == failed; });
}

Outcome Runner::once(const CheckInfo& check, const PlannedCase& planned) {
  Outcome outcome;
  if (check.numeric) {
    outcome = numeric(check, planned);
  } else {
    const CaseFolder folder(new_folder());
    outcome = judge(worker("check", check.id, planned.key, planned.seed, folder.path()));
  }
  if (outcome.status == CaseStatus::kPass && !outcome.printed.empty() && options_.wrap.empty()) {
    outcome.status = CaseStatus::kFail;
    outcome.failures.push_back({"nothing is written to the standard streams", outcome.printed.substr(0, 200), "any"});
  }
  outcome.check = check.id;
  outcome.key = planned.key;
  outcome.seed = planned.seed;
  return outcome;
}

/// After a crash or hang.
void Runner::look_at_device() {
  Facts facts;
  const Outcome outcome = survey(facts);
  const std::lock_guard lock(mutex_);
  // A plugin whose first survey crashed too is no worse than before.
  if (!facts.loaded || (facts_.device_opened && !facts.device_opened) || (survey_ended_ && !ended(outcome))) unhealthy_ = "device_unhealthy: after a crash or hang the plugin could not be surveyed again";
}

std::string Runner::unhealthy() const {
  const std::lock_guard lock(mutex_);
  return unhealthy_;
}

namespace {

/// Only what then ends well may be called flaky: a failure counts as it is, and a refusal does not excuse the hang.
Outcome after_hang(Outcome hang, Outcome again) {
  const auto is = [&](std::initializer_list<CaseStatus> any) { return std::find(any.begin(), any.end(), again.status) != any.end(); };
  if (again.status == CaseStatus::kHang) return hang;
  const std::string before = "hung once, then: " + std::string(status_word(again.status)) + "; ";
  if (is({CaseStatus::kPass, CaseStatus::kWeak})) {
    hang.status = CaseStatus::kFlaky;
  } else if (is({CaseStatus::kFail, CaseStatus::kCrash, CaseStatus::kHarnessError})) {
    again.reason = before + hang.reason + (again.reason.empty() ? "" : "; " + again.reason);
    return again;
  }
  hang.reason = before + hang.reason;
  return hang;
}

}  // namespace

Outcome Runner::run(const Plan& plan, const PlannedCase& planned) {
  const CheckInfo& check = plan.checks[planned.check];
  Outcome outcome = once(check, planned);
  if (outcome.status == CaseStatus::kHang) {
    const std::lock_guard lock(alone_);
    outcome = after_hang(std::move(outcome), once(check, planned));
  }
  if (!ended(outcome)) look_at_device();
  return outcome;
}

}  // namespace rlx::conform
