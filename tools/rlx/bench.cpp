// SPDX-License-Identifier: Apache-2.0
// rlx bench MODEL: cold start, then latencies and throughput at every shape; beside other runtimes where they are installed.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "command.h"
#include "inputs.h"
#include "json.h"
#include "npz.h"
#include "opened.h"
#include "peers.h"
#include "progress.h"
#include "room.h"
#include "scratch.h"
#include "statistics.h"
#include "whole_file.h"

namespace rlx_tool {
namespace {

namespace po = boost::program_options;
using Clock = std::chrono::steady_clock;
using nlohmann::json;

double milliseconds_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

struct BenchOptions {
  SearchOptions search;
  ShapeOptions shapes;
  TraceOption trace;
  std::string model, device, against, python = "python3";
  std::vector<std::string> fills;
  std::uint64_t seed = 0;
  double seconds = 2;
  unsigned rounds = 5;
  bool json = false;
};

/// One shape, compiled, with inputs and outputs that stay in place.
struct Subject {
  rlx::Binding binding;
  rlx::CompiledGraph graph;
  double compile_ms = 0, first_ms = 0;
  std::vector<rlx::NamedTensor> inputs, outputs;
  std::vector<rlx::NamedView> in;
  std::vector<rlx::NamedMutableView> out;
  std::vector<double> run_ms;               // every run after the first
  std::vector<double> round_ms;             // median of each round
  std::vector<std::vector<double>> peer_ms; // of each peer, the same rounds
  double busy_ms = 0;
};

/// A peer, or why it is not there.
struct Contender {
  std::string name;
  std::unique_ptr<Peer> peer;
  std::string missing;
};

rlx::Status run_once(Subject& subject, double& ms) {
  const auto begin = Clock::now();
  auto status = subject.graph.run_into(subject.in, subject.out);
  ms = milliseconds_since(begin);
  return status;
}

rlx::Result<Subject> prepare(Opened& opened, const BenchOptions& options, const rlx::Binding& binding, std::vector<std::string>& notes) {
  Subject subject;
  subject.binding = completed(opened.pipeline, opened.made, binding, notes);
  const auto fills = parse_fills(options.fills, opened.made.manifest());
  if (!fills) return fills.error();
  auto begin = Clock::now();
  const auto graph = opened.pipeline.get_or_compile(opened.made, subject.binding);
  if (!graph) return graph.error();
  subject.compile_ms = milliseconds_since(begin);
  subject.graph = *graph;
  if (auto status = fill_params(subject.graph); !status) return status.error();
  Needs needs;
  needs.arena_bytes = graph->arena_bytes();
  for (const rlx::ManifestEntry& entry : graph->manifest().inputs) needs.input_bytes += entry.bytes;
  for (const rlx::ManifestEntry& entry : graph->manifest().outputs) needs.output_bytes += entry.bytes;
  if (auto status = check_room(binding_text(subject.binding), needs, options.search.runtime().memory_budget_bytes); !status) return status.error();
  std::vector<std::string> unsaid;
  fill_missing(subject.graph.manifest(), *fills, options.seed, subject.inputs, unsaid);
  for (const rlx::ManifestEntry& entry : subject.graph.manifest().outputs) {
    std::vector<std::int64_t> dims;
    for (const rlx::Size& size : entry.dims) dims.push_back(size.number());
    subject.outputs.push_back({entry.name, rlx::Tensor(entry.dtype, dims)});
  }
  for (const rlx::NamedTensor& input : subject.inputs) subject.in.push_back({input.name, input.tensor.view()});
  for (rlx::NamedTensor& output : subject.outputs) subject.out.push_back({output.name, output.tensor.mutable_view()});
  if (auto status = run_once(subject, subject.first_ms); !status) return status.error();
  return subject;
}

/// Runs for about `seconds`, at least once.
rlx::Status round_of(Subject& subject, double seconds) {
  std::vector<double> times;
  const auto begin = Clock::now();
  do {
    double ms = 0;
    if (auto status = run_once(subject, ms); !status) return status;
    times.push_back(ms);
  } while (milliseconds_since(begin) < seconds * 1e3);
  subject.busy_ms += milliseconds_since(begin);
  subject.round_ms.push_back(median(times));
  subject.run_ms.insert(subject.run_ms.end(), times.begin(), times.end());
  return {};
}

/// Rounds interleave: ours, every peer, ours again, ...
rlx::Status measure(const BenchOptions& options, std::vector<Subject>& subjects, std::vector<Contender>& contenders) {
  Scratch scratch;
  const auto there = static_cast<std::size_t>(std::count_if(contenders.begin(), contenders.end(), [](const Contender& c) { return c.peer != nullptr; }));
  Progress progress(subjects.size() * options.rounds * (1 + there), !options.json);
  const double seconds = options.seconds / options.rounds;
  for (std::size_t i = 0; i < subjects.size(); ++i) {
    Subject& subject = subjects[i];
    subject.peer_ms.resize(contenders.size());
    if (there)
      if (auto status = write_npz(scratch.file(i), subject.inputs); !status) return status;
    for (unsigned round = 0; round < options.rounds; ++round) {
      progress.step(binding_text(subject.binding));
      if (auto status = round_of(subject, seconds); !status) return status;
      for (std::size_t c = 0; c < contenders.size(); ++c) {
        if (!contenders[c].peer) continue;
        progress.step(binding_text(subject.binding) + " " + contenders[c].name);
        const auto times = contenders[c].peer->run(scratch.file(i), seconds);
        if (times) {
          subject.peer_ms[c].push_back(median(*times));
          continue;
        }
        contenders[c].missing = times.error().message();
        contenders[c].peer.reset();
      }
    }
  }
  return {};
}

/// How many times as fast as the peer we are: the rounds' ratios.
std::vector<double> ratios(const Subject& subject, std::size_t contender) {
  std::vector<double> all;
  for (std::size_t round = 0; round < subject.peer_ms[contender].size(); ++round) all.push_back(subject.peer_ms[contender][round] / subject.round_ms[round]);
  return all;
}

void print_shapes(const std::vector<Subject>& subjects) {
  std::printf("%-22s %9s %9s %9s %9s %9s %7s %10s %9s\n", "shape", "p50 ms", "p90 ms", "p99 ms", "min ms", "runs/s", "runs", "compile ms", "first ms");
  for (const Subject& subject : subjects)
    std::printf("%-22s %9.3f %9.3f %9.3f %9.3f %9.1f %7zu %10.2f %9.3f\n", binding_text(subject.binding).c_str(), percentile(subject.run_ms, 50),
                percentile(subject.run_ms, 90), percentile(subject.run_ms, 99), percentile(subject.run_ms, 0),
                1e3 * static_cast<double>(subject.run_ms.size()) / subject.busy_ms, subject.run_ms.size(), subject.compile_ms, subject.first_ms);
}

void print_contender(const BenchOptions& options, const std::vector<Subject>& subjects, const Contender& contender, std::size_t index) {
  if (!contender.peer) {
    std::printf("%s: not measured; %s\n", contender.name.c_str(), contender.missing.c_str());
    return;
  }
  std::printf("beside %s %s (load %.0f ms), %u interleaved rounds\n", contender.name.c_str(), contender.peer->version().c_str(), contender.peer->load_ms(), options.rounds);
  for (const Subject& subject : subjects) {
    const std::vector<double> all = ratios(subject, index);
    const MedianInterval interval = median_interval(all);
    std::printf("  %-20s rlx %9.3f ms, %s %9.3f ms: %.2fx as fast (%.2f to %.2f at %.0f %%)\n", binding_text(subject.binding).c_str(), median(subject.round_ms),
                contender.name.c_str(), median(subject.peer_ms[index]), median(all), interval.low, interval.high, 100 * interval.confidence);
  }
}

json shape_json(const Subject& subject, const std::vector<Contender>& contenders) {
  json shape = {{"binding", subject.binding}, {"compile_ms", subject.compile_ms}, {"first_ms", subject.first_ms}, {"runs", subject.run_ms.size()},
                {"p50_ms", percentile(subject.run_ms, 50)}, {"p90_ms", percentile(subject.run_ms, 90)}, {"p99_ms", percentile(subject.run_ms, 99)},
                {"min_ms", percentile(subject.run_ms, 0)}, {"runs_per_second", 1e3 * static_cast<double>(subject.run_ms.size()) / subject.busy_ms},
                {"round_ms", subject.round_ms}};
  for (std::size_t c = 0; c < contenders.size(); ++c) {
    if (!contenders[c].peer) continue;
    const std::vector<double> all = ratios(subject, c);
    const MedianInterval interval = median_interval(all);
    shape["against"].push_back({{"name", contenders[c].name}, {"round_ms", subject.peer_ms[c]}, {"times_as_fast", median(all)},
                                {"interval", {interval.low, interval.high}}, {"confidence", interval.confidence}});
  }
  return shape;
}

/// Milliseconds from nothing to the first result of the first shape.
double cold_start_ms(const OpenTimes& times, const Subject& first) { return times.load_ms + times.device_ms + times.template_ms + first.compile_ms + first.first_ms; }

void print_all(const BenchOptions& options, const Opened& opened, const std::vector<Subject>& subjects, const std::vector<Contender>& contenders) {
  const OpenTimes& times = opened.times;
  const rlx::DeviceReport& device = opened.device.report();
  std::printf("%s on %s (%s %s; %s)\n", opened.made.name().c_str(), device.device.c_str(), device.plugin_id.c_str(), device.plugin_version.c_str(),
              device.description.c_str());
  std::printf("cold start %.1f ms: load %.1f, device %.1f, template %.1f, first compile %.2f, first run %.2f\n", cold_start_ms(times, subjects[0]), times.load_ms,
              times.device_ms, times.template_ms, subjects[0].compile_ms, subjects[0].first_ms);
  print_shapes(subjects);
  for (std::size_t c = 0; c < contenders.size(); ++c) print_contender(options, subjects, contenders[c], c);
}

json document_of(const BenchOptions& options, const Opened& opened, const std::vector<Subject>& subjects, const std::vector<Contender>& contenders) {
  const OpenTimes& times = opened.times;
  json document = {{"schema", "rlx.bench/1"}, {"model", options.model}, {"device", opened.device.name()}, {"plugin", opened.device.report().plugin_id},
                   {"description", opened.device.report().description}, {"threads", options.search.threads}, {"rounds", options.rounds},
                   {"cold_start", {{"load_ms", times.load_ms}, {"device_ms", times.device_ms}, {"template_ms", times.template_ms},
                                   {"compile_ms", subjects[0].compile_ms}, {"first_run_ms", subjects[0].first_ms}, {"sum_ms", cold_start_ms(times, subjects[0])}}},
                   {"shapes", json::array()}, {"against", json::array()}};
  for (const Subject& subject : subjects) document["shapes"].push_back(shape_json(subject, contenders));
  for (const Contender& contender : contenders) {
    if (contender.peer) document["against"].push_back({{"name", contender.name}, {"version", contender.peer->version()}, {"load_ms", contender.peer->load_ms()}});
    else document["against"].push_back({{"name", contender.name}, {"missing", contender.missing}});
  }
  return document;
}

/// The names of --against. Errors: kUsage for one that is no peer.
rlx::Result<std::vector<std::string>> peers_asked_for(const BenchOptions& options) {
  std::vector<std::string> names;
  for (std::size_t begin = 0; begin < options.against.size();) {
    const std::size_t end = std::min(options.against.find(',', begin), options.against.size());
    const std::string name = options.against.substr(begin, end - begin);
    const std::vector<std::string>& known = peer_names();
    if (std::find(known.begin(), known.end(), name) == known.end())
      return rlx::Error(rlx::ErrorCode::kUsage, "--against: no peer `" + name + "`; " + rlx::did_you_mean_text(name, known));
    names.push_back(name);
    begin = end + 1;
  }
  return names;
}

std::vector<Contender> start_contenders(const BenchOptions& options, const std::vector<std::string>& names) {
  std::vector<Contender> contenders;
  for (const std::string& name : names) {
    auto peer = Peer::start(name, options.python, options.model, options.search.threads);
    if (peer) contenders.push_back({name, std::move(*peer), ""});
    else contenders.push_back({name, nullptr, peer.error().message()});
  }
  return contenders;
}

rlx::Result<int> bench(const BenchOptions& options) {
  const auto bindings = options.shapes.bindings();
  if (!bindings) return bindings.error();
  const auto names = peers_asked_for(options);
  if (!names) return names.error();
  auto runtime = rlx::Runtime::discover(options.search.runtime());
  if (!runtime) return runtime.error();
  auto opened = open_model(options.model, *runtime, options.device, {}, bindings->size() + 1, options.search.trace);
  if (!opened) return opened.error();
  std::vector<std::string> notes = opened->model.warnings();
  std::vector<Subject> subjects;
  for (const rlx::Binding& binding : *bindings) {
    auto subject = prepare(*opened, options, binding, notes);
    if (!subject) return subject.error();
    subjects.push_back(std::move(*subject));
  }
  for (const std::string& note : notes) std::fprintf(stderr, "%s\n", note.c_str());
  std::vector<Contender> contenders = start_contenders(options, *names);
  if (auto status = measure(options, subjects, contenders); !status) return status.error();
  if (options.json) print_json(document_of(options, *opened, subjects, contenders));
  else print_all(options, *opened, subjects, contenders);
  if (auto status = options.trace.write(options.search, options.json); !status) return status.error();
  const bool all_there = std::all_of(contenders.begin(), contenders.end(), [](const Contender& contender) { return contender.peer != nullptr; });
  return all_there ? kDone : kFailed;
}

}  // namespace

int bench_command(const Arguments& arguments) {
  BenchOptions benching;
  po::options_description options("Options");
  options.add_options()("device,d", po::value(&benching.device)->value_name("DEVICE"), "e.g. cpu:0; default: the highest priority that there is")  //
      ("seconds", po::value(&benching.seconds)->value_name("S"), "measured per shape and system; default 2")                       //
      ("rounds", po::value(&benching.rounds)->value_name("N"), "into which the seconds are cut; default 5")                        //
      ("against", po::value(&benching.against)->value_name("PEER,..."), "onnxruntime, openvino: run beside, round by round; .onnx only")  //
      ("python", po::value(&benching.python)->value_name("PYTHON"), "interpreter that has the peers and numpy; default python3")   //
      ("fill", po::value(&benching.fills)->value_name("NAME=LOW:HIGH"), "range of an input's random values; default 0:1; repeatable")  //
      ("seed", po::value(&benching.seed)->value_name("N"), "of the inputs, which count on from it; default 0")                                             //
      ("json", po::bool_switch(&benching.json), "print JSON (schema rlx.bench/1)")                                                 //
      ("model", po::value(&benching.model)->value_name("MODEL")->required(), "the model file");
  benching.shapes.describe(options);
  benching.trace.describe(options);
  benching.search.describe(options);
  po::positional_options_description positional;
  positional.add("model", 1);
  const char* usage =
      "Usage: rlx bench MODEL [--device D] [--bind batch=1,8 --bind seq=128] [--seconds S] [--against onnxruntime,openvino] [--json]\n"
      "Measures cold start, then latency and throughput at every shape, on random inputs.\n"
      "Exit code: 0 measured, 1 failed or a peer is missing, 2 usage.";
  if (const int stop = parse(arguments, options, positional, usage); stop >= 0) return stop;
  if (!(benching.seconds > 0 && benching.seconds <= 3600)) return report(rlx::Error(rlx::ErrorCode::kUsage, "--seconds: wanted more than 0 and at most 3600"));
  if (benching.rounds < 1 || benching.rounds > 1000) return report(rlx::Error(rlx::ErrorCode::kUsage, "--rounds: wanted 1 to 1000"));
  if (benching.search.threads > 4096) return report(rlx::Error(rlx::ErrorCode::kUsage, "--threads: wanted 0 to 4096"));
  if (!benching.search.threads && !benching.against.empty()) benching.search.threads = std::max(1u, std::thread::hardware_concurrency());
  if (const auto fits = not_an_input("--trace", benching.trace.path, {benching.model}); !fits) return report(fits.error());
  benching.trace.start(benching.search);
  const auto done = bench(benching);
  return done ? *done : report(done.error());
}

}  // namespace rlx_tool
