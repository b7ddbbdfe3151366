// SPDX-License-Identifier: Apache-2.0
// rlx run MODEL: loads, compiles, runs; says what it bound, what it filled and how long each part took.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "command.h"
#include "inputs.h"
#include "json.h"
#include "ladders.h"
#include "npz.h"
#include "opened.h"
#include "room.h"
#include "statistics.h"
#include "values.h"
#include "whole_file.h"

namespace rlx_tool {
namespace {

namespace po = boost::program_options;
using Clock = std::chrono::steady_clock;

double milliseconds_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

struct RunOptions {
  SearchOptions search;
  TraceOption trace;
  std::string model, device, input, output, cache;
  std::vector<std::string> binds, fills, buckets;
  std::uint64_t seed = 0;
  unsigned repeat = 1;
  bool json = false, stats = false, serve_larger = false, package_code = false;
};

/// What one run did; printed as text or as JSON.
struct Outcome {
  std::string device;
  double load_ms = 0, template_ms = 0, compile_ms = 0;
  std::vector<double> run_ms;
  std::vector<std::string> notes;
  std::vector<rlx::NamedTensor> outputs;
  rlx::Binding binding;
  rlx::DispatchReport report;
  rlx::CacheCounters cache;
  rlx::AotCounters folder;  ///< of --cache
  rlx::MemoryReport memory;
  std::optional<rlx::BucketCounters> buckets;
};

rlx::Result<rlx::Binding> parse_binds(const std::vector<std::string>& texts) {
  rlx::Binding binding;
  for (const std::string& text : texts) {
    const auto pair = split_assignment("--bind", text);
    if (!pair) return pair.error();
    const auto size = parse_integer("--bind " + pair->first, pair->second);
    if (!size) return size.error();
    if (!binding.emplace(pair->first, *size).second) return rlx::Error(rlx::ErrorCode::kUsage, "--bind " + pair->first + " is given twice");
  }
  return binding;
}

/// Inputs of the file, and the binding that they and --bind imply.
rlx::Result<std::vector<rlx::NamedTensor>> given_inputs(const RunOptions& options, Opened& opened, Outcome& outcome) {
  std::vector<rlx::NamedTensor> inputs;
  if (!options.input.empty()) {
    auto read = read_npz(options.input);
    if (!read) return read.error();
    inputs = std::move(*read);
  }
  const auto bind = parse_binds(options.binds);
  if (!bind) return bind.error();
  auto binding = complete_binding(opened.pipeline, opened.made, inputs, *bind, outcome.notes);
  if (!binding) return binding.error();
  outcome.binding = *binding;
  return inputs;
}

/// Null without --buckets.
rlx::Result<std::unique_ptr<rlx::Buckets>> make_buckets(const RunOptions& options, Opened& opened) {
  auto ladders = parse_ladders(options.buckets);
  if (!ladders) return ladders.error();
  if (ladders->empty()) return std::unique_ptr<rlx::Buckets>();
  auto made = rlx::Buckets::create(opened.pipeline, opened.made, {std::move(*ladders), options.serve_larger});
  if (!made) return made.error();
  return std::make_unique<rlx::Buckets>(*std::move(made));
}

/// The variant of the binding, or that of its bucket.
rlx::Result<rlx::CompiledGraph> compile(Opened& opened, const rlx::Buckets* buckets, const rlx::Binding& binding) {
  if (!buckets) return opened.pipeline.get_or_compile(opened.made, binding);
  const auto bucket = buckets->bucket_of(binding);
  if (!bucket) return bucket.error();
  return opened.pipeline.get_or_compile(buckets->padded(), *bucket);
}

/// Whether what is still to be made fits into memory. Errors: kOutOfMemory.
rlx::Status check_graph(const rlx::CompiledGraph& graph, const std::vector<rlx::NamedTensor>& given, const RunOptions& options) {
  Needs needs;
  needs.arena_bytes = graph.arena_bytes();
  for (const rlx::ManifestEntry& entry : graph.manifest().inputs)
    if (std::none_of(given.begin(), given.end(), [&](const rlx::NamedTensor& tensor) { return tensor.name == entry.name; })) needs.input_bytes += entry.bytes;
  for (const rlx::ManifestEntry& entry : graph.manifest().outputs) needs.output_bytes += entry.bytes;
  return check_room(binding_text(graph.binding()), needs, options.search.runtime().memory_budget_bytes);
}

rlx::Result<Outcome> execute(const RunOptions& options) {
  Outcome outcome;
  auto runtime = rlx::Runtime::discover(options.search.runtime());
  if (!runtime) return runtime.error();
  auto opened = open_model(options.model, *runtime, options.device, {}, 64, options.search.trace);
  if (!opened) return opened.error();
  for (const std::string& warning : opened->model.warnings()) outcome.notes.push_back("warning: " + warning);
  outcome.device = opened->device.name();
  outcome.load_ms = opened->times.load_ms;
  outcome.template_ms = opened->times.template_ms;
  const rlx::Template& made = opened->made;
  auto inputs = given_inputs(options, *opened, outcome);
  if (!inputs) return inputs.error();
  const auto fills = parse_fills(options.fills, made.manifest());
  if (!fills) return fills.error();
  rlx::AotOptions aot;
  aot.folder = options.cache;
  aot.package_code = options.package_code;
  if (!options.cache.empty() || options.package_code)
    if (auto used = opened->pipeline.use_aot(aot); !used) return used.error();
  const auto buckets = make_buckets(options, *opened);
  if (!buckets) return buckets.error();
  auto begin = Clock::now();
  const auto graph = compile(*opened, buckets->get(), outcome.binding);
  if (!graph) return graph.error();
  outcome.compile_ms = milliseconds_since(begin);
  outcome.report = graph->report();
  if (auto status = check_graph(*graph, *inputs, options); !status) return status.error();
  const auto manifest = opened->pipeline.binding_manifest_for_binding(made, outcome.binding);
  if (!manifest) return manifest.error();
  fill_missing(*manifest, *fills, options.seed, *inputs, outcome.notes);
  std::vector<rlx::NamedView> views;
  for (const rlx::NamedTensor& input : *inputs) views.push_back({input.name, input.tensor.view()});
  for (unsigned i = 0; i < std::max(1u, options.repeat); ++i) {
    begin = Clock::now();
    auto outputs = *buckets ? (*buckets)->run(views) : graph->run(views);
    if (!outputs) return outputs.error();
    outcome.run_ms.push_back(milliseconds_since(begin));
    outcome.outputs = std::move(*outputs);
  }
  if (*buckets) outcome.buckets = (*buckets)->counters();
  outcome.cache = opened->pipeline.counters();
  outcome.folder = opened->pipeline.aot_counters();
  outcome.memory = runtime->memory();
  return outcome;
}

std::string dims_text(const std::vector<std::int64_t>& dims) {
  std::string text = "[";
  for (std::size_t i = 0; i < dims.size(); ++i) text += (i ? ", " : "") + std::to_string(dims[i]);
  return text + "]";
}

void print_values(const rlx::NamedTensor& output) {
  const std::string values = values_text(output.tensor, 4);
  std::printf("output %s %s%s%s%s\n", output.name.c_str(), std::string(rlx::dtype_name(output.tensor.dtype())).c_str(), dims_text(output.tensor.dims()).c_str(),
              values.empty() ? "" : ": ", values.c_str());
}

void print_folder(const rlx::AotCounters& folder) {
  const auto absent = folder.reasons.find("absent");
  const bool damaged = folder.misses > (absent == folder.reasons.end() ? 0 : absent->second);
  std::printf("cache folder: %s", folder.hits && folder.imports ? "the variant and its device code were there" : folder.hits ? "the variant was there" : damaged ? "not used" : "not there");
  for (const auto& [reason, count] : folder.reasons) std::printf(" (%s)", reason.c_str());
  std::printf("%s%s\n", folder.stores ? "; written" : folder.failed_stores ? "; could not be written: " : "", folder.store_error.c_str());
}

void print_stats(const Outcome& outcome) {
  std::string reasons;
  for (const auto& [reason, count] : outcome.cache.miss_reasons) reasons += (reasons.empty() ? ": " : ", ") + std::to_string(count) + " " + reason;
  std::printf("cache: %llu hits, %llu misses%s; %llu compiles in %.2f ms, %llu shared, %llu failed; %llu evicted; %s resident\n",
              static_cast<unsigned long long>(outcome.cache.hits), static_cast<unsigned long long>(outcome.cache.misses), reasons.c_str(),
              static_cast<unsigned long long>(outcome.cache.compiles), outcome.cache.compile_us / 1e3, static_cast<unsigned long long>(outcome.cache.shared),
              static_cast<unsigned long long>(outcome.cache.failures), static_cast<unsigned long long>(outcome.cache.evictions),
              bytes_text(outcome.cache.resident_bytes).c_str());
  if (outcome.folder.hits + outcome.folder.misses > 0) print_folder(outcome.folder);
  if (outcome.folder.packaged) std::printf("the variant came with the package%s\n", outcome.folder.imports ? ", and its device code" : "");
  std::printf("memory: %s held: weights %s, packed %s, arenas %s, states %s%s\n", bytes_text(outcome.memory.bytes()).c_str(), bytes_text(outcome.memory.source_bytes).c_str(),
              bytes_text(outcome.memory.packed_bytes).c_str(), bytes_text(outcome.memory.arena_bytes).c_str(),
              bytes_text(outcome.memory.state_bytes).c_str(), outcome.memory.budget_bytes ? ("; budget " + bytes_text(outcome.memory.budget_bytes)).c_str() : "");
  for (const rlx::MemoryItem& item : outcome.memory.items) std::printf("  %9s  %s\n", bytes_text(item.bytes()).c_str(), item.what.c_str());
}

void print_text(const RunOptions& options, const Outcome& outcome) {
  for (const std::string& note : outcome.notes) std::printf("%s\n", note.c_str());
  std::string bound;
  for (const auto& [name, size] : outcome.binding) bound += " " + name + "=" + std::to_string(size);
  std::printf("device %s%s%s\n", outcome.device.c_str(), bound.empty() ? "" : "; bound", bound.c_str());
  std::printf("load %.1f ms, template %.1f ms, specialize + compile %.2f ms, run %.3f ms%s\n", outcome.load_ms, outcome.template_ms,
              outcome.compile_ms, median(outcome.run_ms), outcome.run_ms.size() > 1 ? " (median)" : "");
  if (outcome.buckets) std::printf("buckets: %s\n", describe(*outcome.buckets).c_str());
  if (options.stats) print_stats(outcome);
  if (options.stats)
    std::printf("ops: %zu native, %zu expanded, %zu copies\n", outcome.report.native, outcome.report.expanded, outcome.report.copies);
  if (options.stats)
    for (const std::string& note : outcome.report.notes) std::printf("  %s\n", note.c_str());
  for (const rlx::NamedTensor& output : outcome.outputs) print_values(output);
}

void print_document(const Outcome& outcome) {
  nlohmann::json document = {{"schema", "rlx.run/1"}, {"device", outcome.device}, {"load_ms", outcome.load_ms}, {"template_ms", outcome.template_ms},
                             {"compile_ms", outcome.compile_ms}, {"run_ms", outcome.run_ms}, {"notes", outcome.notes}, {"binding", outcome.binding},
                             {"native", outcome.report.native}, {"expanded", outcome.report.expanded}, {"copies", outcome.report.copies}};
  document["cache"] = to_json(outcome.cache);
  document["memory"] = to_json(outcome.memory);
  document["cache_folder"] = {{"hits", outcome.folder.hits}, {"misses", outcome.folder.reasons}, {"stores", outcome.folder.stores},
                              {"failed_stores", outcome.folder.failed_stores}, {"store_error", outcome.folder.store_error}, {"packaged", outcome.folder.packaged}, {"imports", outcome.folder.imports}, {"exports", outcome.folder.exports}};
  if (outcome.buckets) document["buckets"] = to_json(*outcome.buckets);
  for (const rlx::NamedTensor& output : outcome.outputs)
    document["outputs"].push_back({{"name", output.name}, {"dtype", rlx::dtype_name(output.tensor.dtype())}, {"dims", output.tensor.dims()}});
  print_json(document);
}

}  // namespace

int run_command(const Arguments& arguments) {
  RunOptions run;
  po::options_description options("Options");
  options.add_options()("device,d", po::value(&run.device)->value_name("DEVICE"), "e.g. cpu:0; default: the highest priority that there is")  //
      ("input,i", po::value(&run.input)->value_name("FILE.npz"), "inputs by name; the rest is random")                //
      ("output,o", po::value(&run.output)->value_name("FILE.npz"), "where outputs go, by name")                       //
      ("bind,b", po::value(&run.binds)->value_name("SYMBOL=N"), "size of a symbol; repeatable")                       //
      ("fill", po::value(&run.fills)->value_name("NAME=LOW:HIGH"), "range of a random input; default 0:1; repeatable") //
      ("seed", po::value(&run.seed)->value_name("N"), "of random inputs, which count on from it: N + 1 for the first; default 0")                                  //
      ("buckets", po::value(&run.buckets)->value_name("SYMBOL=LADDER"), "16,32,64 or 16..512: run at the next extent, padded; repeatable")  //
      ("serve-larger", po::bool_switch(&run.serve_larger), "with --buckets: compile the shape's own variant behind")  //
      ("repeat,r", po::value(&run.repeat)->value_name("N"), "runs; times are their median")                           //
      ("cache", po::value(&run.cache)->value_name("FOLDER"), "where compiled variants are kept between runs; made where it is not there")  //
      ("package-code", po::bool_switch(&run.package_code), "let the backend use the device code in a package: only of those whose plugins you would use")  //
      ("stats", po::bool_switch(&run.stats), "the cache's counters, memory, what became of the ops")                                                //
      ("json", po::bool_switch(&run.json), "print JSON (schema rlx.run/1)")                                           //
      ("model", po::value(&run.model)->value_name("MODEL")->required(), "the model file");
  run.trace.describe(options);
  run.search.describe(options);
  po::positional_options_description positional;
  positional.add("model", 1);
  const char* usage = "Usage: rlx run MODEL [--device D] [--input X.npz] [--output Y.npz] [--bind batch=8] [--buckets seq=16,64] [--seed N] [--repeat N]\n"
      "Compiles a model at one shape and runs it, on given or random inputs; says what it bound and how long each part took.";
  if (const int stop = parse(arguments, options, positional, usage); stop >= 0) return stop;
  if (run.repeat < 1 || run.repeat > 1000000) return report(rlx::Error(rlx::ErrorCode::kUsage, "--repeat `" + std::to_string(run.repeat) + "`: wanted 1 to 1000000"));
  if (run.serve_larger && run.buckets.empty()) return report(rlx::Error(rlx::ErrorCode::kUsage, "--serve-larger: wanted --buckets beside it"));
  if (run.search.threads > 4096) return report(rlx::Error(rlx::ErrorCode::kUsage, "--threads: wanted 0 to 4096"));
  for (const rlx::Status& fits : {not_an_input("--output", run.output, {run.model, run.input}), not_an_input("--trace", run.trace.path, {run.model, run.input})})
    if (!fits) return report(fits.error());
  run.trace.start(run.search);
  const auto outcome = execute(run);
  if (!outcome) return report(outcome.error());
  if (outcome->folder.failed_stores) std::fprintf(stderr, "rlx: warning: %s\n", outcome->folder.store_error.c_str());
  run.json ? print_document(*outcome) : print_text(run, *outcome);
  if (auto status = run.trace.write(run.search, run.json); !status) return report(status.error());
  if (run.output.empty()) return kDone;
  if (auto status = write_npz(run.output, outcome->outputs); !status) return report(status.error());
  if (!run.json) std::printf("written to %s\n", run.output.c_str());
  return kDone;
}

}  // namespace rlx_tool
