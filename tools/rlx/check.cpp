// SPDX-License-Identifier: Apache-2.0
// rlx check MODEL: before anything runs, for each device: will it run, what becomes of the ops, how much memory it needs.
#include <algorithm>
#include <cstdio>

#include "command.h"
#include "json.h"
#include "opened.h"
#include "room.h"

namespace rlx_tool {
namespace {

namespace po = boost::program_options;
using nlohmann::json;

struct CheckOptions {
  SearchOptions search;
  ShapeOptions shapes;
  std::string model, device = "all";
  bool pack = false, json = false;
};

/// One shape on one device: what it takes, or why it cannot run there.
struct ShapeAnswer {
  rlx::Binding binding;
  std::vector<rlx::Error> errors;  // one at most
  rlx::DispatchReport dispatch;
  std::vector<rlx::OpUse> uses;
  rlx::MemoryEstimate memory;
};

/// One device: every shape, or why it cannot be asked.
struct DeviceAnswer {
  std::string device, plugin;
  std::vector<ShapeAnswer> shapes;
  std::vector<rlx::Error> errors;  // one at most
  std::size_t running() const {
    return static_cast<std::size_t>(std::count_if(shapes.begin(), shapes.end(), [](const ShapeAnswer& shape) { return shape.errors.empty(); }));
  }
  bool runs() const { return errors.empty() && running() == shapes.size(); }
  const rlx::Error& first_error() const {
    if (!errors.empty()) return errors[0];
    return std::find_if(shapes.begin(), shapes.end(), [](const ShapeAnswer& shape) { return !shape.errors.empty(); })->errors[0];
  }
};

/// What the model says of itself, the same on every device.
struct ModelAnswer {
  bool known = false;
  rlx::BindingManifest manifest;
  std::string hash;
  std::vector<std::string> unread, notes;
};

rlx::Status fill_answer(Opened& opened, const CheckOptions& options, ShapeAnswer& answer) {
  const auto specialized = opened.pipeline.specialize_template(opened.made, answer.binding);
  if (!specialized) return specialized.error();
  answer.dispatch = specialized->report;
  auto uses = rlx::op_uses(specialized->image);
  if (!uses) return uses.error();
  answer.uses = std::move(*uses);
  const std::uint64_t budget = options.search.runtime().memory_budget_bytes;
  auto memory = rlx::estimate_memory(opened.made, *specialized, false);
  if (!memory) return memory.error();
  const auto check = [&](const rlx::MemoryEstimate& seen) {
    return check_room(binding_text(answer.binding), {seen.weight_bytes, seen.packed_bytes.value_or(0), seen.arena_bytes, seen.input_bytes, seen.output_bytes}, budget);
  };
  if (auto status = check(*memory); !status) return status;
  if (options.pack || budget) {  // a budget counts packed weights, which only packing tells
    memory = rlx::estimate_memory(opened.made, *specialized, true);
    if (!memory) return memory.error();
    if (auto status = check(*memory); !status) return status;
  }
  answer.memory = *memory;
  return {};
}

void learn(const Opened& opened, ModelAnswer& model) {
  if (model.known) return;
  model.known = true;
  model.manifest = opened.made.manifest();
  model.hash = opened.made.hash();
  model.unread = rlx::unread_inputs(opened.made);
  for (const std::string& warning : opened.model.warnings()) model.notes.push_back("warning: " + warning);
}

DeviceAnswer check_device(const CheckOptions& options, const std::vector<rlx::Binding>& bindings, rlx::Runtime& runtime, const std::string& name,
                          ModelAnswer& model) {
  DeviceAnswer answer;
  answer.device = name;
  auto opened = open_model(options.model, runtime, name);
  if (!opened) {
    answer.errors.push_back(opened.error());
    return answer;
  }
  answer.device = opened->device.name();
  answer.plugin = opened->device.report().plugin_id + " " + opened->device.report().plugin_version;
  learn(*opened, model);
  for (const rlx::Binding& binding : bindings) {
    ShapeAnswer shape;
    std::vector<std::string> notes;
    shape.binding = completed(opened->pipeline, opened->made, binding, notes);
    for (std::string& note : notes)
      if (std::find(model.notes.begin(), model.notes.end(), note) == model.notes.end()) model.notes.push_back(std::move(note));
    if (auto status = fill_answer(*opened, options, shape); !status) shape.errors.push_back(status.error());
    answer.shapes.push_back(std::move(shape));
  }
  return answer;
}

/// What the model says of itself does not hang on the device that was asked for: any that opens will do.
void learn_elsewhere(const CheckOptions& options, rlx::Runtime& runtime, ModelAnswer& model) {
  for (const rlx::DeviceReport& device : runtime.devices())
    if (!model.known)
      if (const auto opened = open_model(options.model, runtime, device.device)) learn(*opened, model);
}

/// Names of the devices to ask: what exists for "all", else what was named.
std::vector<std::string> devices_of(rlx::Runtime& runtime, const std::string& wanted) {
  if (wanted != "all") return {wanted};
  std::vector<std::string> names;
  for (const rlx::DeviceReport& device : runtime.devices()) names.push_back(device.device);
  return names;
}

std::string uses_text(const std::vector<rlx::OpUse>& uses) {
  std::string text;
  for (const rlx::OpUse& use : uses) text += (text.empty() ? "" : ", ") + std::to_string(use.count) + " " + use.op;
  return text;
}

void print_model(const ModelAnswer& model) {
  for (const std::string& note : model.notes) std::printf("%s\n", note.c_str());
  if (!model.known) return;
  rlx::BindingManifest shown = model.manifest;
  shown.params.clear();
  std::printf("%s", shown.to_text().c_str());
  std::printf("params %zu\n", model.manifest.params.size());
  for (const std::string& name : model.unread) std::printf("nobody reads the values of input %s\n", name.c_str());
}

void print_memory(const rlx::MemoryEstimate& memory) {
  std::printf("    memory   peak %s: weights %s, packed %s, arenas %s, inputs and outputs %s, code %s\n", bytes_text(memory.peak_bytes()).c_str(),
              bytes_text(memory.weight_bytes).c_str(), memory.packed_bytes ? bytes_text(*memory.packed_bytes).c_str() : "not known before packing (--pack)",
              bytes_text(memory.arena_bytes).c_str(), bytes_text(memory.input_bytes + memory.output_bytes).c_str(), bytes_text(memory.code_bytes).c_str());
}

std::string verdict(const DeviceAnswer& answer) {
  if (answer.runs()) return "runs";
  if (answer.running() == 0) return "does not run";
  return "runs at " + std::to_string(answer.running()) + " of " + std::to_string(answer.shapes.size()) + " shapes";
}

void print_device(const DeviceAnswer& answer) {
  std::printf("%s%s%s%s: %s\n", answer.device.c_str(), answer.plugin.empty() ? "" : " (", answer.plugin.c_str(), answer.plugin.empty() ? "" : ")",
              verdict(answer).c_str());
  for (const ShapeAnswer& shape : answer.shapes) {
    std::printf("  %s\n", binding_text(shape.binding).c_str());
    for (const rlx::Error& error : shape.errors) std::printf("    does not run: %s\n", error.to_string().c_str());
    if (!shape.errors.empty()) continue;
    std::printf("    ops      %zu native, %zu expanded, 0 unsupported, %zu copies: %s\n", shape.dispatch.native, shape.dispatch.expanded,
                shape.dispatch.copies, uses_text(shape.uses).c_str());
    for (const std::string& note : shape.dispatch.notes) std::printf("             %s\n", note.c_str());
    print_memory(shape.memory);
  }
  for (const rlx::Error& error : answer.errors) std::printf("  %s\n", error.to_string().c_str());
}

json shape_json(const ShapeAnswer& shape) {
  if (!shape.errors.empty()) return {{"binding", shape.binding}, {"runs", false}, {"error", to_json(shape.errors[0])}};
  return {{"binding", shape.binding}, {"runs", true}, {"dispatch", to_json(shape.dispatch)}, {"ops", to_json(shape.uses)}, {"memory", to_json(shape.memory)}};
}

json document_of(const CheckOptions& options, const ModelAnswer& model, const std::vector<DeviceAnswer>& answers) {
  json document = {{"schema", "rlx.check/1"}, {"model", options.model}, {"devices", json::array()}};
  if (model.known) {
    document["template_hash"] = model.hash;
    document["manifest"] = to_json(model.manifest);
    document["unread_inputs"] = model.unread;
    document["notes"] = model.notes;
  }
  for (const DeviceAnswer& answer : answers) {
    json device = {{"device", answer.device}, {"plugin", answer.plugin}, {"runs", answer.runs()}, {"shapes", json::array()}};
    for (const ShapeAnswer& shape : answer.shapes) device["shapes"].push_back(shape_json(shape));
    if (!answer.runs()) device["error"] = to_json(answer.first_error());
    document["devices"].push_back(std::move(device));
  }
  return document;
}

/// Candidates of kinds that have no device here, for `--device all`.
void print_absent(rlx::Runtime& runtime) {
  for (const rlx::PluginReport& plugin : runtime.plugins(false)) {
    if (plugin.verdict == "ok" || plugin.verdict == "not loaded" || plugin.verdict == "shadowed") continue;
    std::printf("%s: %s: %s\n", plugin.kinds.empty() ? plugin.path.c_str() : plugin.kinds[0].c_str(), plugin.verdict.c_str(), plugin.reason.c_str());
  }
}

int check(const CheckOptions& options) {
  const auto bindings = options.shapes.bindings();
  if (!bindings) return report(bindings.error());
  auto runtime = rlx::Runtime::discover(options.search.runtime());
  if (!runtime) return report(runtime.error());
  if (const auto readable = read_model(options.model); !readable) return report(readable.error());
  const std::vector<std::string> names = devices_of(*runtime, options.device);
  if (names.empty()) return report(rlx::Error(rlx::ErrorCode::kDeviceNotFound, "there is no device: `rlx plugins` says what was looked at"));
  ModelAnswer model;
  std::vector<DeviceAnswer> answers;
  for (const std::string& name : names) answers.push_back(check_device(options, *bindings, *runtime, name, model));
  if (!model.known) learn_elsewhere(options, *runtime, model);
  const bool runs = std::any_of(answers.begin(), answers.end(), [](const DeviceAnswer& answer) { return answer.runs(); });
  if (options.json) {
    print_json(document_of(options, model, answers));
    return runs ? kDone : kFailed;
  }
  print_model(model);
  for (const DeviceAnswer& answer : answers) print_device(answer);
  if (options.device == "all") print_absent(*runtime);
  return runs ? kDone : kFailed;
}

}  // namespace

int check_command(const Arguments& arguments) {
  CheckOptions checking;
  po::options_description options("Options");
  options.add_options()("device,d", po::value(&checking.device)->value_name("DEVICE"), "all (default), or one, e.g. cpu:0")  //
      ("pack", po::bool_switch(&checking.pack), "pack the weights too, so that their packed size is known")                 //
      ("json", po::bool_switch(&checking.json), "print JSON (schema rlx.check/1)")                                          //
      ("model", po::value(&checking.model)->value_name("MODEL")->required(), "the model file");
  checking.shapes.describe(options);
  checking.search.describe(options);
  po::positional_options_description positional;
  positional.add("model", 1);
  const char* usage =
      "Usage: rlx check MODEL [--device all|DEVICE] [--bind batch=8] [--json]\n"
      "Says for each device whether the model runs there, what becomes of its ops and how much memory it needs. Runs nothing.\n"
      "Exit code: 0 it runs at every shape on a device that was asked about, 1 on none, 2 usage.";
  if (const int stop = parse(arguments, options, positional, usage); stop >= 0) return stop;
  return check(checking);
}

}  // namespace rlx_tool
