// SPDX-License-Identifier: Apache-2.0
// rlx inspect MODEL: any stage as text, the manifest, the dispatch report at a binding.
#include <cstdio>

#include "command.h"
#include "inputs.h"

namespace rlx_tool {
namespace {

namespace po = boost::program_options;

struct InspectOptions {
  SearchOptions search;
  std::string model, device, stage;
  std::vector<std::string> binds;
  bool manifest = false, stages = false, dispatch = false, no_fuse = false;
};

rlx::Result<int> inspect(const InspectOptions& options) {
  const auto model = rlx::load_model(options.model);
  if (!model) return model.error();
  for (const std::string& warning : model->warnings()) std::fprintf(stderr, "warning: %s\n", warning.c_str());
  auto runtime = rlx::Runtime::discover(options.search.runtime());
  if (!runtime) return runtime.error();
  const auto device = runtime->device(options.device);
  if (!device) return device.error();
  auto pipeline = rlx::ModelCompilePipeline::create(*device);
  if (!pipeline) return pipeline.error();
  rlx::CompileOptions compile;
  compile.fuse = !options.no_fuse;
  const auto made = pipeline->build_template(options.model, *model, compile);
  if (!made) return made.error();
  if (options.stages) {
    for (const std::string& stage : made->stages()) std::printf("%s\n", stage.c_str());
    return kDone;
  }
  rlx::Binding binding;
  for (const std::string& text : options.binds) {
    const auto pair = split_assignment("--bind", text);
    if (!pair) return pair.error();
    const auto size = parse_integer("--bind " + pair->first, pair->second);
    if (!size) return size.error();
    binding[pair->first] = *size;
  }
  if (options.dispatch) {
    const auto specialized = pipeline->specialize_template(*made, binding);
    if (!specialized) return specialized.error();
    std::printf("graph %s, image %zu bytes\n%zu native, %zu expanded, %zu copies\n", specialized->graph_hash.c_str(), specialized->image.size(),
                specialized->report.native, specialized->report.expanded, specialized->report.copies);
    for (const std::string& note : specialized->report.notes) std::printf("  %s\n", note.c_str());
    return kDone;
  }
  if (options.manifest) {
    if (binding.empty()) {
      std::printf("template %s\n%s", made->hash().c_str(), made->manifest().to_text().c_str());
      return kDone;
    }
    const auto manifest = pipeline->binding_manifest_for_binding(*made, binding);
    if (!manifest) return manifest.error();
    std::printf("%s", manifest->to_text().c_str());
    return kDone;
  }
  const auto text = made->dump(options.stage);
  if (!text) return text.error();
  std::printf("%s", text->c_str());
  return kDone;
}

}  // namespace

int inspect_command(const Arguments& arguments) {
  InspectOptions inspecting;
  inspecting.stage = "mir";
  po::options_description options("Options");
  options.add_options()("stage,s", po::value(&inspecting.stage)->value_name("STAGE"), "stage to print; default mir")  //
      ("stages", po::bool_switch(&inspecting.stages), "list the stages")                                             //
      ("manifest", po::bool_switch(&inspecting.manifest), "inputs, params, outputs, symbols; numbers with --bind")    //
      ("dispatch", po::bool_switch(&inspecting.dispatch), "what becomes of the ops at --bind")                        //
      ("bind,b", po::value(&inspecting.binds)->value_name("SYMBOL=N"), "size of a symbol; repeatable")                //
      ("no-fuse", po::bool_switch(&inspecting.no_fuse), "leave the fusions out")                                      //
      ("device,d", po::value(&inspecting.device)->value_name("DEVICE"), "for --dispatch")                             //
      ("model", po::value(&inspecting.model)->value_name("MODEL")->required(), "the model file");
  inspecting.search.describe(options);
  po::positional_options_description positional;
  positional.add("model", 1);
  const char* usage = "Usage: rlx inspect MODEL [--stage STAGE | --stages | --manifest | --dispatch] [--bind batch=8]";
  if (const int stop = parse(arguments, options, positional, usage); stop >= 0) return stop;
  const auto done = inspect(inspecting);
  return done ? *done : report(done.error());
}

}  // namespace rlx_tool
