// SPDX-License-Identifier: Apache-2.0
// rlx cache ls|why|gc|verify: what lies in a folder of compiled variants, and whether it is sound; verify takes packages too.
#include <rlx/host/aot.hpp>
#include <rlx/host/package.hpp>
#include <rlx/host/report.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>

#include "command.h"
#include "json.h"
#include "opened.h"

namespace rlx_tool {
namespace {

namespace po = boost::program_options;
using nlohmann::json;

struct CacheCommand {
  std::string verb, folder;
  std::vector<std::string> what;  // a key, or packages
  std::uint64_t budget_mib = 1024;
  bool json = false;
};

json to_json(const rlx::AotEntry& entry) {
  json fields = json::object();
  for (const auto& [name, value] : entry.fields) fields[name] = value;
  return {{"key", entry.key}, {"bytes", entry.bytes}, {"used_s", entry.used_s}, {"reason", entry.reason}, {"sentence", entry.sentence},
          {"image_bytes", entry.image_bytes}, {"artifact_bytes", entry.artifact_bytes}, {"fields", fields}};
}

std::string time_text(std::int64_t seconds) {
  const std::time_t when = seconds;
  std::tm parts{};
  char text[32] = "";
  if (::gmtime_r(&when, &parts)) std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts);
  return text;
}

std::string field(const rlx::AotEntry& entry, const char* name) {
  for (const auto& [key, value] : entry.fields)
    if (key == name) return value;
  return "";
}

/// "5:batch=1:2 3:seq=1:8", each part after its length, as "batch=2 seq=8"; what is not of that form stays.
std::string readable_binding(const std::string& key) {
  std::string text;
  for (std::size_t at = 0; at < key.size();) {
    std::string part[2];
    for (int i = 0; i < 2; ++i) {
      char* end = nullptr;
      const std::size_t size = std::strtoull(key.c_str() + at, &end, 10), begin = static_cast<std::size_t>(end - key.c_str()) + 1;
      if (*end != ':' || begin > key.size() || size > key.size() - begin) return key;
      part[i] = key.substr(begin, size);
      at = begin + size;
      if (i == 0 && (at >= key.size() || key[at++] != '=')) return key;
    }
    if (at < key.size() && key[at++] != ' ') return key;
    text += (text.empty() ? "" : " ") + part[0] + "=" + part[1];
  }
  return text;
}

/// Both verbs list; verify fails where an entry is not sound.
int list(const CacheCommand& command, bool verify) {
  const auto entries = rlx::list_aot(command.folder);
  if (!entries) return report(entries.error());
  json rows = json::array();
  std::uint64_t bytes = 0;
  std::size_t damaged = 0;
  for (const rlx::AotEntry& entry : *entries) {
    bytes += entry.bytes;
    damaged += !entry.reason.empty();
    rows.push_back(to_json(entry));
    if (command.json || (verify && entry.reason.empty())) continue;
    std::printf("%s  %10s  %s  %s\n", entry.key.c_str(), bytes_text(entry.bytes).c_str(), time_text(entry.used_s).c_str(),
                entry.reason.empty() ? readable_binding(field(entry, "binding")).c_str() : ("damaged (" + entry.reason + "): " + entry.sentence).c_str());
  }
  if (command.json)
    print_json({{"schema", "rlx.cache/1"}, {"folder", command.folder}, {"entries", rows}, {"bytes", bytes}, {"damaged", damaged}});
  else
    std::printf("%zu variants, %s, %zu damaged\n", entries->size(), bytes_text(bytes).c_str(), damaged);
  return verify && damaged ? kFailed : kDone;
}

int why(const CacheCommand& command) {
  const auto entry = rlx::explain_aot(command.folder, command.what[0]);
  if (!entry) return report(entry.error());
  if (command.json) {
    json document = to_json(*entry);
    document["schema"] = "rlx.cache.why/1";
    print_json(document);
    return entry->reason.empty() ? kDone : kFailed;
  }
  if (!entry->reason.empty()) {
    std::printf("%s would not be used (%s): %s\n", entry->key.c_str(), entry->reason.c_str(), entry->sentence.c_str());
    return kFailed;
  }
  std::printf("%s is sound: image %s, device code %s, last used %s UTC\nIt is used where all of this is the same:\n", entry->key.c_str(),
              bytes_text(entry->image_bytes).c_str(), bytes_text(entry->artifact_bytes).c_str(), time_text(entry->used_s).c_str());
  for (const auto& [name, value] : entry->fields) std::printf("  %-9s %s\n", name.c_str(), (name == "binding" ? readable_binding(value) : value).c_str());
  return kDone;
}

int collect(const CacheCommand& command) {
  const auto sweep = rlx::sweep_aot(command.folder, command.budget_mib << 20);
  if (!sweep) return report(sweep.error());
  if (command.json)
    print_json({{"schema", "rlx.cache.gc/1"}, {"files", sweep->files}, {"bytes", sweep->bytes}, {"removed_files", sweep->removed_files},
                {"removed_bytes", sweep->removed_bytes}});
  else
    std::printf("removed %llu files, %s; %llu files, %s stay\n", static_cast<unsigned long long>(sweep->removed_files),
                bytes_text(sweep->removed_bytes).c_str(), static_cast<unsigned long long>(sweep->files), bytes_text(sweep->bytes).c_str());
  return kDone;
}

int verify_packages(const CacheCommand& command) {
  int code = kDone;
  for (const std::string& path : command.what) {
    const auto package = rlx::open_package(path, {.verify = false});
    if (!package) {
      code = report(package.error());
      continue;
    }
    if (const rlx::Status sound = package->verify(); !sound) {
      code = report(sound.error());
      continue;
    }
    const rlx::PackageInfo& info = package->info();
    std::printf("%s is sound: made by %s%s%s, %zu tensors %s, %zu packs %s%s%s\n", path.c_str(), info.made_by.c_str(),
                info.source.empty() ? "" : " from ", info.source.c_str(), info.tensors, bytes_text(info.weight_bytes).c_str(), info.packs,
                bytes_text(info.packed_bytes).c_str(), info.packed_for.empty() ? "" : " for ", info.packed_for.c_str());
  }
  return code;
}

int dispatch(const CacheCommand& command) {
  const auto usage = [](const std::string& text) { return report(rlx::Error(rlx::ErrorCode::kUsage, text)); };
  const std::vector<std::string> verbs = {"ls", "why", "gc", "verify"};
  if (std::find(verbs.begin(), verbs.end(), command.verb) == verbs.end())
    return usage("cache: no verb `" + command.verb + "`; " + rlx::did_you_mean_text(command.verb, verbs));
  if (command.verb == "verify" && !command.what.empty()) return verify_packages(command);
  if (command.folder.empty()) return usage("cache " + command.verb + ": give --folder FOLDER");
  if (!std::filesystem::is_directory(command.folder))
    return report(rlx::Error(rlx::ErrorCode::kFileNotFound, "`" + command.folder + "` is no folder, wanted one that a cache filled"));
  if (command.verb == "why") return command.what.size() == 1 ? why(command) : usage("cache why: wanted one KEY");
  if (!command.what.empty()) return usage("cache " + command.verb + ": `" + command.what[0] + "` is one word too many");
  if (command.verb == "ls") return list(command, false);
  if (command.verb == "verify") return list(command, true);
  return command.budget_mib >> 44 ? usage("--budget-mib: wanted less than 2^44") : collect(command);
}

}  // namespace

int cache_command(const Arguments& arguments) {
  CacheCommand command;
  po::options_description options("Options");
  options.add_options()("folder,f", po::value(&command.folder)->value_name("FOLDER"), "the cache folder")                //
      ("budget-mib", po::value(&command.budget_mib)->value_name("N"), "what gc keeps at most; default 1024")             //
      ("json", po::bool_switch(&command.json), "print JSON (schemas rlx.cache/1, rlx.cache.why/1, rlx.cache.gc/1)")      //
      ("verb", po::value(&command.verb)->value_name("VERB")->required(), "ls, why, gc or verify")                        //
      ("what", po::value(&command.what)->value_name("KEY|FILE.rlx"), "key for why; packages for verify")                 //
      ("help,h", "show this text");
  po::positional_options_description positional;
  positional.add("verb", 1).add("what", -1);
  const char* usage = "Usage: rlx cache ls|gc|verify --folder FOLDER | why KEY --folder FOLDER | verify FILE.rlx ...";
  if (const int stop = parse(arguments, options, positional, usage); stop >= 0) return stop;
  return dispatch(command);
}

}  // namespace rlx_tool
