// SPDX-License-Identifier: Apache-2.0
// rlx plugins: every candidate file, how far it came and why; rlx plugins why DEVICE: the same for one kind, with the
// next command to try.
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "command.h"
#include "json.h"

namespace rlx_tool {
namespace {

namespace po = boost::program_options;

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

void print_candidate(const rlx::PluginReport& plugin) {
  std::printf("%-11s %s\n", plugin.verdict.c_str(), plugin.path.c_str());
  if (!plugin.id.empty())
    std::printf("            %s %s, ABI %s, kinds: %s, found: %s\n", plugin.id.c_str(), plugin.version.c_str(), plugin.abi.c_str(),
                joined(plugin.kinds).c_str(), plugin.tier.c_str());
  if (!plugin.id.empty()) std::printf("            %s\n", plugin.certificate.c_str());
  for (const std::string& device : plugin.devices) std::printf("            %s\n", device.c_str());
  if (!plugin.reason.empty()) std::printf("            at step %s: %s\n", plugin.step.c_str(), plugin.reason.c_str());
}

nlohmann::json to_json(const rlx::PluginReport& p) {
  return {{"path", p.path}, {"tier", p.tier}, {"step", p.step}, {"verdict", p.verdict}, {"reason", p.reason}, {"id", p.id},
          {"name", p.name}, {"vendor", p.vendor}, {"version", p.version}, {"abi", p.abi}, {"kinds", p.kinds}, {"devices", p.devices},
          {"level", p.level}, {"certificate", p.certificate}};
}

void print_places(const rlx::Runtime& runtime) {
  std::printf("Searched\n");
  for (const std::string& place : runtime.places()) std::printf("  %s\n", place.c_str());
}

int list(rlx::Runtime& runtime, bool load, bool json) {
  const std::vector<rlx::PluginReport> plugins = runtime.plugins(load);
  if (json) {
    nlohmann::json document = {{"schema", "rlx.plugins/1"}, {"places", runtime.places()}, {"plugins", nlohmann::json::array()}};
    for (const rlx::PluginReport& plugin : plugins) document["plugins"].push_back(to_json(plugin));
    print_json(document);
    return kDone;
  }
  for (const rlx::PluginReport& plugin : plugins) print_candidate(plugin);
  if (plugins.empty()) {
    std::printf("No plugin files were found.\n");
    print_places(runtime);
  }
  return kDone;
}

/// The same as data: the places, the candidates that could serve the kind, and what opening it gave.
int why_json(rlx::Runtime& runtime, const std::string& device) {
  const std::string kind = device.substr(0, device.find(':'));
  nlohmann::json document = {{"schema", "rlx.plugins.why/1"}, {"device", device}, {"places", runtime.places()}, {"candidates", nlohmann::json::array()}};
  for (const rlx::PluginReport& plugin : runtime.plugins(true))
    if (plugin.kinds.empty() || std::find(plugin.kinds.begin(), plugin.kinds.end(), kind) != plugin.kinds.end()) document["candidates"].push_back(to_json(plugin));
  const auto opened = runtime.device(device);
  document["works"] = opened.has_value();
  if (opened) document["description"] = opened->report().description;
  else document["error"] = {{"code", rlx::code_text(opened.error().code())}, {"message", opened.error().message()}};
  print_json(document);
  return opened ? kDone : kFailed;
}

int why(rlx::Runtime& runtime, const std::string& device) {
  const std::string kind = device.substr(0, device.find(':'));
  print_places(runtime);
  bool found = false;
  for (const rlx::PluginReport& plugin : runtime.plugins(true)) {
    const bool serves = std::find(plugin.kinds.begin(), plugin.kinds.end(), kind) != plugin.kinds.end();
    if (!serves && !plugin.kinds.empty()) continue;
    found |= serves;
    print_candidate(plugin);
  }
  const auto opened = runtime.device(device);
  if (opened) {
    std::printf("%s works: %s\n", opened->name().c_str(), opened->report().description.c_str());
    return kDone;
  }
  std::printf("%s cannot be used: %s\n", device.c_str(), opened.error().to_string().c_str());
  if (!found) std::printf("Next: put a plugin for `%s` into a folder above, or name it: rlx plugins --plugins FILE why %s\n", kind.c_str(), device.c_str());
  return kFailed;
}

}  // namespace

int plugins_command(const Arguments& arguments) {
  SearchOptions search;
  std::vector<std::string> words;
  bool no_load = false, json = false;
  po::options_description options("Options");
  options.add_options()("no-load", po::bool_switch(&no_load), "read descriptors only; run no plugin code")  //
      ("json", po::bool_switch(&json), "print JSON (schema rlx.plugins/1; rlx.plugins.why/1)")                                //
      ("words", po::value(&words), "why DEVICE");
  search.describe(options);
  po::positional_options_description positional;
  positional.add("words", -1);
  const char* usage = "Usage: rlx plugins [--no-load] [--json]\n       rlx plugins why DEVICE [--json]\nLists every backend file that was found and how far it came, or says why one device can or cannot be used.";
  if (const int stop = parse(arguments, options, positional, usage); stop >= 0) return stop;
  const bool asks_why = words.size() == 2 && words[0] == "why";
  if (!words.empty() && !asks_why) {
    std::fprintf(stderr, "rlx: plugins does not understand `%s`\n%s\n", joined(words).c_str(), usage);
    return kUsage;
  }
  auto runtime = rlx::Runtime::discover(search.runtime());
  if (!runtime) return report(runtime.error());
  if (asks_why && json) return why_json(*runtime, words[1]);
  return asks_why ? why(*runtime, words[1]) : list(*runtime, !no_load, json);
}

}  // namespace rlx_tool
