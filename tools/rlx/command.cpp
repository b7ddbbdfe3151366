// SPDX-License-Identifier: Apache-2.0
// Parsing and error printing for all subcommands.
#include "command.h"

#include <rlx/host/report.hpp>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <iterator>

#include "whole_file.h"

namespace rlx_tool {

namespace po = boost::program_options;

int report(const rlx::Error& error) {
  const std::string code = rlx::code_text(error.code());
  std::fprintf(stderr, "rlx: %s\n", error.to_string().c_str());
  if (error.code() == rlx::ErrorCode::kUsage) return kUsage;
  std::fprintf(stderr, "`rlx explain %s` says what to do.\n", code.c_str());
  return kFailed;
}

void SearchOptions::describe(po::options_description& options) {
  options.add_options()                                                                                             //
      ("plugins,p", po::value(&plugins)->value_name("PATH"), "plugin file or folder, searched first; repeatable")    //
      ("only-plugins", po::bool_switch(&only_plugins), "search nothing but --plugins")                              //
      ("require-level", po::value(&require_level)->value_name("N"), "refuse plugins that are not certified to level N (1 to 6)")  //
      ("threads,t", po::value(&threads)->value_name("N"), "threads; default: from affinity and cgroup quota")        //
      ("memory-budget", po::value(&memory_mib)->value_name("MIB"), "most that weights, packed weights and arenas may take")  //
      ("help,h", "show this text");
}

rlx::RuntimeOptions SearchOptions::runtime() const {
  rlx::RuntimeOptions options;
  options.plugin_paths = plugins;
  options.only_plugin_paths = only_plugins;
  options.threads = threads;
  options.require_level = require_level;
  options.memory_budget_bytes = std::min<std::uint64_t>(memory_mib, UINT64_MAX >> 20) << 20;
  options.trace = trace;
  return options;
}

void TraceOption::describe(po::options_description& options) {
  options.add_options()("trace", po::value(&path)->value_name("FILE.json"), "record what happens; ui.perfetto.dev opens the file");
}

void TraceOption::start(SearchOptions& search) const {
  if (!path.empty()) search.trace = rlx::Trace::record();
}

rlx::Status TraceOption::write(const SearchOptions& search, bool quiet) const {
  if (path.empty()) return {};
  if (auto status = write_whole(path, search.trace.to_json()); !status) return status;
  if (!quiet) std::printf("%zu slices written to %s\n", search.trace.slices(), path.c_str());
  if (search.trace.dropped()) std::fprintf(stderr, "%zu further slices were dropped\n", search.trace.dropped());
  return {};
}

namespace {

/// The options without the positional ones, which the usage line shows.
po::options_description shown(const po::options_description& options, const po::positional_options_description& positional) {
  po::options_description visible("Options", 110);
  for (const auto& option : options.options()) {
    bool named = false;
    for (unsigned i = 0; !named && i < positional.max_total_count() && i < 16; ++i) named = positional.name_for_position(i) == option->long_name();
    if (!named) visible.add(option);
  }
  return visible;
}

/// What is wrong, in the words of a command line: boost's own where it has good ones.
std::string complaint(const po::error& error, const po::options_description& known) {
  if (const auto* unknown = dynamic_cast<const po::unknown_option*>(&error)) {
    std::vector<std::string> names;
    for (const auto& option : known.options()) names.push_back("--" + option->long_name());
    const std::string& wrong = unknown->get_option_name();
    std::vector<std::string> longer;  // the beginning of one is more than a slip
    std::copy_if(names.begin(), names.end(), std::back_inserter(longer), [&](const std::string& name) { return name.starts_with(wrong); });
    return "no option `" + wrong + "`; " + (longer.size() == 1 ? "did you mean `" + longer[0] + "`?" : rlx::did_you_mean_text(wrong, names));
  }
  return error.what();
}

// No abbreviations: a script that uses one would break when an option is added.
constexpr int kStyle = po::command_line_style::default_style & ~po::command_line_style::allow_guessing;

/// The first argument for which there is no place.
std::string first_excess(const Arguments& arguments, const po::options_description& options, po::positional_options_description positional) {
  po::options_description wider;
  wider.add(options).add_options()("excess", po::value<Arguments>());
  positional.add("excess", -1);
  for (const auto& given : po::command_line_parser(arguments).options(wider).positional(positional).style(kStyle).run().options)
    if (given.string_key == "excess" && !given.value.empty()) return given.value[0];
  return {};
}

/// "NAME and DIR are missing", as the usage line calls them; empty where nothing is.
std::string missing(const po::variables_map& values, const po::options_description& options) {
  std::vector<std::string> names;
  for (const auto& option : options.options())
    if (option->semantic()->is_required() && !values.count(option->long_name())) names.push_back(option->format_parameter());
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) text += (i == 0 ? "" : i + 1 == names.size() ? " and " : ", ") + names[i];
  return text.empty() ? text : text + (names.size() == 1 ? " is missing" : " are missing");
}

/// What is said of the first --plugins that is not there: elsewhere a plugin might serve, and nobody would notice.
std::string absent_plugin(const po::parsed_options& parsed) {
  for (const auto& given : parsed.options) {
    if (given.string_key != "plugins") continue;
    for (const std::string& path : given.value) {
      std::error_code error;
      if (std::filesystem::exists(path, error)) continue;
      return "--plugins `" + path + "`: " + (error ? error.message() : "no such file or folder");
    }
  }
  return {};
}

template <class T>
bool holds(const po::value_semantic& semantic) {
  return dynamic_cast<const po::typed_value<T>*>(&semantic) != nullptr;
}

/// What is said of a number below 0 where none may be: a stream would turn it into a large one. Empty where all is well.
std::string below_zero(const po::parsed_options& parsed, const po::options_description& options) {
  for (const auto& given : parsed.options) {
    const po::option_description* known = options.find_nothrow(given.string_key, false);
    if (!known || given.value.empty() || given.value[0][0] != '-') continue;
    if (holds<unsigned>(*known->semantic()) || holds<std::uint64_t>(*known->semantic()))
      return "--" + given.string_key + " `" + given.value[0] + "`: wanted 0 or more";
  }
  return {};
}

int refused(const std::string& why, const char* usage) {
  std::fprintf(stderr, "rlx: %s\n%s\n", why.c_str(), usage);
  return kUsage;
}

}  // namespace

int parse(const Arguments& arguments, const po::options_description& options, const po::positional_options_description& positional,
          const char* usage) {
  try {
    po::variables_map values;
    const po::parsed_options parsed = po::command_line_parser(arguments).options(options).positional(positional).style(kStyle).run();
    if (const std::string wrong = below_zero(parsed, options); !wrong.empty()) return refused(wrong, usage);
    po::store(parsed, values);
    if (values.count("help")) {
      std::cout << usage << "\n\n" << shown(options, positional) << std::endl;
      return kDone;
    }
    if (const std::string wrong = missing(values, options); !wrong.empty()) return refused(wrong, usage);
    if (const std::string wrong = absent_plugin(parsed); !wrong.empty()) return refused(wrong, usage);
    po::notify(values);
    return -1;
  } catch (const po::too_many_positional_options_error&) {
    return refused("one argument too many: `" + first_excess(arguments, options, positional) + "`", usage);
  } catch (const po::error& error) {
    return refused(complaint(error, shown(options, positional)), usage);
  }
}

rlx::Result<std::pair<std::string, std::string>> split_assignment(const std::string& option, const std::string& text) {
  const std::size_t at = text.find('=');
  if (at == std::string::npos || at == 0)
    return rlx::Error(rlx::ErrorCode::kUsage, option + " `" + text + "`: wanted NAME=VALUE");
  return std::pair(text.substr(0, at), text.substr(at + 1));
}

rlx::Result<std::int64_t> parse_integer(const std::string& what, const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range)
    return rlx::Error(rlx::ErrorCode::kUsage, what + " `" + text + "` is out of range, wanted at most " + std::to_string(INT64_MAX));
  if (error != std::errc() || end != text.data() + text.size() || text.empty())
    return rlx::Error(rlx::ErrorCode::kUsage, what + " `" + text + "`: wanted an integer");
  return value;
}

}  // namespace rlx_tool
