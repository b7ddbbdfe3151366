// SPDX-License-Identifier: Apache-2.0
// rlx inspect MODEL: any stage as text, the manifest, what becomes of the ops, the arena plan as a picture, memory.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <set>
#include <string>

#include "command.h"
#include "json.h"
#include "opened.h"
#include "whole_file.h"

namespace rlx_tool {
namespace {

namespace po = boost::program_options;
using nlohmann::json;

struct InspectOptions {
  SearchOptions search;
  ShapeOptions shapes;
  std::string model, device, stage, dump_after, plan;
  bool manifest = false, stages = false, dispatch = false, memory = false, no_fuse = false, json = false;
  bool asks() const { return manifest || stages || dispatch || memory || !stage.empty() || !dump_after.empty() || !plan.empty(); }
};

/// The model, the bindings asked for, and where answers go: to stdout as they come, or into one JSON document.
struct Inspection {
  const InspectOptions& options;
  Opened opened;
  std::vector<rlx::Binding> bindings;
  json document;
  std::set<std::string> said = {};
  bool bound() const { return !options.shapes.binds.empty() || !options.shapes.shapes.empty(); }

  /// A binding with nothing open; what was added is said on stderr.
  rlx::Binding complete(const rlx::Binding& binding) {
    std::vector<std::string> notes;
    rlx::Binding full = completed(opened.pipeline, opened.made, binding, notes);
    for (const std::string& note : notes)
      if (said.insert(note).second) std::fprintf(stderr, "%s\n", note.c_str());
    return full;
  }
};

rlx::Status show_stages(Inspection& at) {
  at.document["stages"] = at.opened.made.stages();
  if (!at.options.json)
    for (const std::string& stage : at.opened.made.stages()) std::printf("%s\n", stage.c_str());
  return {};
}

rlx::Status show_stage(Inspection& at, const std::string& stage) {
  const auto text = at.opened.made.dump(stage);
  if (!text) return text.error();
  at.document["stage"] = {{"name", stage}, {"text", *text}};
  if (!at.options.json) std::printf("%s", text->c_str());
  return {};
}

/// After every pass, or after one; a pass that changed nothing is one line.
rlx::Status show_dumps(Inspection& at) {
  if (at.options.dump_after != "all") return show_stage(at, at.options.dump_after);
  std::string before;
  for (const std::string& stage : at.opened.made.stages()) {
    if (stage == "mir") continue;  // it is what the last pass left
    const auto text = at.opened.made.dump(stage);
    if (!text) return text.error();
    const bool changed = *text != before;
    at.document["dumps"].push_back({{"stage", stage}, {"changed", changed}, {"text", changed ? json(*text) : json()}});
    if (!at.options.json) std::printf("// ---- %s%s\n%s", stage.c_str(), changed ? "" : ": nothing changed", changed ? text->c_str() : "");
    before = *text;
  }
  return {};
}

rlx::Status show_manifest(Inspection& at) {
  if (!at.bound()) {
    at.document["manifest"] = to_json(at.opened.made.manifest());
    if (!at.options.json) std::printf("template %s\n%s", at.opened.made.hash().c_str(), at.opened.made.manifest().to_text().c_str());
    return {};
  }
  const auto manifest = at.opened.pipeline.binding_manifest_for_binding(at.opened.made, at.complete(at.bindings[0]));
  if (!manifest) return manifest.error();
  at.document["manifest"] = to_json(*manifest);
  if (!at.options.json) std::printf("%s", manifest->to_text().c_str());
  return {};
}

rlx::Status show_dispatch(Inspection& at) {
  for (const rlx::Binding& wanted : at.bindings) {
    const rlx::Binding binding = at.complete(wanted);
    const auto specialized = at.opened.pipeline.specialize_template(at.opened.made, binding);
    if (!specialized) return specialized.error();
    const auto uses = rlx::op_uses(specialized->image);
    if (!uses) return uses.error();
    at.document["dispatch"].push_back({{"binding", binding}, {"graph_hash", specialized->graph_hash}, {"image_bytes", specialized->image.size()},
                                       {"dispatch", to_json(specialized->report)}, {"ops", to_json(*uses)}});
    if (at.options.json) continue;
    std::printf("%s: graph %s, image %zu bytes\n%zu native, %zu expanded, %zu copies\n", binding_text(binding).c_str(), specialized->graph_hash.c_str(),
                specialized->image.size(), specialized->report.native, specialized->report.expanded, specialized->report.copies);
    for (const std::string& note : specialized->report.notes) std::printf("  %s\n", note.c_str());
    for (const rlx::OpUse& use : *uses) std::printf("  %5zu %s\n", use.count, use.op.c_str());
  }
  return {};
}

rlx::Status show_plan(Inspection& at) {
  const rlx::Binding binding = at.complete(at.bindings[0]);
  const auto specialized = at.opened.pipeline.specialize_template(at.opened.made, binding);
  if (!specialized) return specialized.error();
  const auto plan = rlx::plan_report(specialized->image);
  if (!plan) return plan.error();
  const std::string title = at.opened.made.name() + " on " + at.opened.device.name() + ", " + binding_text(binding);
  if (auto status = write_whole(at.options.plan, plan->to_svg(title)); !status) return status;
  at.document["plan"] = to_json(*plan);
  at.document["plan"]["binding"] = binding;
  if (!at.options.json)
    std::printf("%s: arena %s, busiest step %u with %s alive, %zu values; written to %s\n", binding_text(binding).c_str(), bytes_text(plan->arena_bytes).c_str(),
                plan->busiest_step, bytes_text(plan->busiest_bytes).c_str(), plan->values.size(), at.options.plan.c_str());
  return {};
}

rlx::Status show_memory(Inspection& at) {
  bool first = true;
  for (const rlx::Binding& wanted : at.bindings) {
    const rlx::Binding binding = at.complete(wanted);
    const auto specialized = at.opened.pipeline.specialize_template(at.opened.made, binding);
    if (!specialized) return specialized.error();
    const auto memory = rlx::estimate_memory(at.opened.made, *specialized, true);
    if (!memory) return memory.error();
    at.document["memory"].push_back(to_json(*memory));
    at.document["memory"].back()["binding"] = binding;
    if (at.options.json) continue;
    if (first)
      std::printf("weights %s, once per model and device\n%-24s %10s %10s %10s %10s %10s\n", bytes_text(memory->weight_bytes).c_str(), "one running call at",
                  "packed", "arenas", "in, out", "code", "peak");
    first = false;
    std::printf("%-24s %10s %10s %10s %10s %10s\n", binding_text(binding).c_str(), memory->packed_bytes ? bytes_text(*memory->packed_bytes).c_str() : "unknown",
                bytes_text(memory->arena_bytes).c_str(), bytes_text(memory->input_bytes + memory->output_bytes).c_str(), bytes_text(memory->code_bytes).c_str(),
                bytes_text(memory->peak_bytes()).c_str());
  }
  if (!at.options.json) std::printf("Packed weights are shared by shapes that pack alike; arenas are reused from shape to shape.\n");
  return {};
}

rlx::Status show_all(Inspection& at) {
  using Show = rlx::Status (*)(Inspection&);
  const InspectOptions& options = at.options;
  const std::pair<bool, Show> parts[] = {{options.stages, show_stages},     {!options.dump_after.empty(), show_dumps}, {options.manifest, show_manifest},
                                         {options.dispatch, show_dispatch}, {options.memory, show_memory},             {!options.plan.empty(), show_plan}};
  for (const auto& [wanted, show] : parts)
    if (wanted)
      if (auto status = show(at); !status) return status;
  if (!options.stage.empty() || !options.asks()) return show_stage(at, options.stage.empty() ? "mir" : options.stage);
  return {};
}

rlx::Result<int> inspect(const InspectOptions& options) {
  auto bindings = options.shapes.bindings();
  if (!bindings) return bindings.error();
  auto runtime = rlx::Runtime::discover(options.search.runtime());
  if (!runtime) return runtime.error();
  rlx::CompileOptions compile;
  compile.fuse = !options.no_fuse;
  auto opened = open_model(options.model, *runtime, options.device, compile);
  if (!opened) return opened.error();
  for (const std::string& warning : opened->model.warnings()) std::fprintf(stderr, "warning: %s\n", warning.c_str());
  Inspection at{options, std::move(*opened), std::move(*bindings), {{"schema", "rlx.inspect/1"}, {"model", options.model}}};
  at.document["template_hash"] = at.opened.made.hash();
  if (auto status = show_all(at); !status) return status.error();
  if (options.json) print_json(at.document);
  return kDone;
}

}  // namespace

int inspect_command(const Arguments& arguments) {
  InspectOptions inspecting;
  po::options_description options("Options");
  options.add_options()("stage,s", po::value(&inspecting.stage)->value_name("STAGE"), "stage to print; mir where nothing is asked for")  //
      ("stages", po::bool_switch(&inspecting.stages), "list the stages")                                             //
      ("dump-after", po::value(&inspecting.dump_after)->value_name("PASS|all"), "the graph after a pass, or after each")  //
      ("manifest", po::bool_switch(&inspecting.manifest), "inputs, params, outputs, symbols; numbers with --bind")    //
      ("dispatch", po::bool_switch(&inspecting.dispatch), "what becomes of the ops, at each shape")                   //
      ("memory", po::bool_switch(&inspecting.memory), "weights, packed, arenas, code, peak at each shape, before running")  //
      ("plan", po::value(&inspecting.plan)->value_name("FILE.svg"), "the arena plan as a picture: who lies where, from when to when")  //
      ("no-fuse", po::bool_switch(&inspecting.no_fuse), "leave the fusions out")                                      //
      ("device,d", po::value(&inspecting.device)->value_name("DEVICE"), "whose dispatch, memory and plan; default: the highest priority")  //
      ("json", po::bool_switch(&inspecting.json), "print one JSON document (schema rlx.inspect/1)")                   //
      ("model", po::value(&inspecting.model)->value_name("MODEL")->required(), "the model file");
  inspecting.shapes.describe(options);
  inspecting.search.describe(options);
  po::positional_options_description positional;
  positional.add("model", 1);
  const char* usage =
      "Usage: rlx inspect MODEL [--stage STAGE | --stages | --dump-after PASS|all | --manifest | --dispatch | --memory | --plan FILE.svg]\n"
      "                         [--bind batch=8] [--json]\n"
      "Shows a model at any stage, and what a device makes of it. Runs nothing.";
  if (const int stop = parse(arguments, options, positional, usage); stop >= 0) return stop;
  if (const auto fits = not_an_input("--plan", inspecting.plan, {inspecting.model}); !fits) return report(fits.error());
  const auto done = inspect(inspecting);
  return done ? *done : report(done.error());
}

}  // namespace rlx_tool
