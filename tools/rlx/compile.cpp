// SPDX-License-Identifier: Apache-2.0
// rlx compile MODEL: writes a package that starts without the importer, or fills a cache folder for given shapes.
#include <rlx/host/package.hpp>

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "command.h"
#include "json.h"
#include "opened.h"
#include "whole_file.h"

namespace rlx_tool {
namespace {

namespace po = boost::program_options;

struct CompileCommand {
  SearchOptions search;
  std::vector<std::string> shapes;
  std::string model, output, cache, device;
  bool no_packs = false, no_fuse = false, json = false;
};

/// What was written; printed as text or as JSON.
struct Written {
  bool package = false;
  rlx::PackageInfo info;
  rlx::AotCounters cache;
};

rlx::Result<std::vector<rlx::Binding>> shapes_of(const CompileCommand& command) {
  if (command.shapes.empty()) return std::vector<rlx::Binding>();
  ShapeOptions options;
  options.shapes = command.shapes;
  return options.bindings();
}

/// What -o may not be. Errors: kUsage; kFileUnwritable for what is there and no regular file.
rlx::Status check_output(const CompileCommand& command) {
  const std::string& output = command.output;
  if (output.empty()) return {};
  if (std::filesystem::path(output).extension() != ".rlx")
    return rlx::Error(rlx::ErrorCode::kUsage, "--output `" + output + "`: wanted a name that ends in .rlx");
  if (auto fits = not_an_input("--output", output, {command.model}); !fits) return fits;
  const std::string target = end_of_links(output);
  if (target.empty()) return rlx::Error(rlx::ErrorCode::kFileUnwritable, "`" + output + "`: " + std::strerror(errno));
  std::error_code ignored;
  if (!std::filesystem::exists(target, ignored) || std::filesystem::is_regular_file(target, ignored)) return {};
  return rlx::Error(rlx::ErrorCode::kFileUnwritable, "`" + output + "` is there and is no regular file");
}

rlx::Status write(const CompileCommand& command, const Opened& opened, const std::vector<rlx::Binding>& shapes, Written& written) {
  rlx::PackageOptions options;
  options.fuse = !command.no_fuse;
  options.shapes = shapes;
  options.source = command.model;
  if (!command.no_packs) options.device = opened.device;
  auto info = rlx::write_package(end_of_links(command.output), opened.model, options);
  if (!info) return info.error();
  written.package = true;
  written.info = std::move(*info);
  written.info.path = command.output;
  return {};
}

rlx::Status fill(const CompileCommand& command, Opened& opened, const std::vector<rlx::Binding>& shapes, Written& written) {
  rlx::AotOptions aot;
  aot.folder = command.cache;
  if (auto used = opened.pipeline.use_aot(aot); !used) return used.error();
  for (const rlx::Binding& shape : shapes)
    if (const auto graph = opened.pipeline.get_or_compile(opened.made, shape); !graph) return graph.error();
  written.cache = opened.pipeline.aot_counters();
  if (written.cache.failed_stores == 0) return {};
  const std::string reason = ::access(command.cache.c_str(), W_OK | X_OK) != 0 ? std::strerror(errno) : "is the disk full?";
  return rlx::Error(rlx::ErrorCode::kFileUnwritable, "cache folder `" + command.cache + "`: " + std::to_string(written.cache.failed_stores) + " of " +
                                                         std::to_string(shapes.size()) + " variants could not be written: " + reason);
}

rlx::Result<Written> compile(const CompileCommand& command) {
  const auto shapes = shapes_of(command);
  if (!shapes) return shapes.error();
  if (!command.cache.empty() && shapes->empty()) return rlx::Error(rlx::ErrorCode::kUsage, "--cache wants --shapes: which ones to compile");
  auto runtime = rlx::Runtime::discover(command.search.runtime());
  if (!runtime) return runtime.error();
  rlx::CompileOptions options;
  options.fuse = !command.no_fuse;
  auto opened = open_model(command.model, *runtime, command.device, options);
  if (!opened) return opened.error();
  for (const std::string& warning : opened->model.warnings()) std::fprintf(stderr, "warning: %s\n", warning.c_str());
  Written written;
  if (!command.output.empty())
    if (auto status = write(command, *opened, *shapes, written); !status) return status.error();
  if (!command.cache.empty())
    if (auto status = fill(command, *opened, *shapes, written); !status) return status.error();
  return written;
}

void print_text(const CompileCommand& command, const Written& written) {
  if (written.package) {
    const rlx::PackageInfo& info = written.info;
    std::printf("%s  %s: %zu tensors %s, %zu packs %s, %zu variants %s, %zu shapes\n", command.output.c_str(), bytes_text(info.bytes).c_str(), info.tensors,
                bytes_text(info.weight_bytes).c_str(), info.packs, bytes_text(info.packed_bytes).c_str(), info.variants,
                bytes_text(info.variant_bytes).c_str(), info.shapes.size());
    std::printf("template %s\n", info.template_hash.c_str());
    if (!info.packed_for.empty()) std::printf("packed for %s\n", info.packed_for.c_str());
  }
  if (!command.cache.empty())
    std::printf("%s  %llu written, %llu were there\n", command.cache.c_str(), static_cast<unsigned long long>(written.cache.stores),
                static_cast<unsigned long long>(written.cache.hits));
}

nlohmann::json document_of(const Written& written) {
  nlohmann::json document = {{"schema", "rlx.compile/1"}};
  if (written.package)
    document["package"] = {{"path", written.info.path},          {"bytes", written.info.bytes},
                           {"template", written.info.template_hash}, {"tensors", written.info.tensors},
                           {"weight_bytes", written.info.weight_bytes}, {"packs", written.info.packs},
                           {"packed_bytes", written.info.packed_bytes}, {"packed_for", written.info.packed_for},
                           {"variants", written.info.variants},      {"variant_bytes", written.info.variant_bytes},
                           {"source", written.info.source},      {"source_hash", written.info.source_hash},
                           {"shapes", written.info.shapes}};
  document["cache"] = {{"stores", written.cache.stores}, {"hits", written.cache.hits}, {"exports", written.cache.exports}};
  return document;
}

}  // namespace

int compile_command(const Arguments& arguments) {
  CompileCommand command;
  po::options_description options("Options");
  options.add_options()("output,o", po::value(&command.output)->value_name("FILE.rlx"), "the package to write")  //
      ("cache", po::value(&command.cache)->value_name("FOLDER"), "cache folder to fill with --shapes")           //
      ("shapes,shape,s", po::value(&command.shapes)->multitoken()->value_name("batch=1,seq=128 ..."), "shapes to prepare; repeatable")  //
      ("device,d", po::value(&command.device)->value_name("DEVICE"), "whose packed weights go into the package")  //
      ("no-packs", po::bool_switch(&command.no_packs), "leave packed weights out: a smaller file, a slower start") //
      ("no-fuse", po::bool_switch(&command.no_fuse), "leave the fusions out")                                     //
      ("json", po::bool_switch(&command.json), "print JSON (schema rlx.compile/1)")                               //
      ("model", po::value(&command.model)->value_name("MODEL")->required(), "the model file");
  command.search.describe(options);
  po::positional_options_description positional;
  positional.add("model", 1);
  const char* usage = "Usage: rlx compile MODEL -o FILE.rlx [--shapes batch=1,seq=128 ...] | --cache FOLDER --shapes ...";
  if (const int stop = parse(arguments, options, positional, usage); stop >= 0) return stop;
  if (command.output.empty() && command.cache.empty())
    return report(rlx::Error(rlx::ErrorCode::kUsage, "nothing to write: give -o FILE.rlx or --cache FOLDER"));
  if (auto status = check_output(command); !status) return report(status.error());
  const auto written = compile(command);
  if (!written) return report(written.error());
  command.json ? print_json(document_of(*written)) : print_text(command, *written);
  return kDone;
}

}  // namespace rlx_tool
