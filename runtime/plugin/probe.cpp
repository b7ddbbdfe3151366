// SPDX-License-Identifier: Apache-2.0
// The parent's side of a probe: which program, which verdict is remembered, and what a new one means.
#include "runtime/plugin/probe.h"

#include <algorithm>
#include <cstring>
#include <sstream>

#include "runtime/base/file.h"
#include "runtime/base/hash.h"
#include "runtime/plugin/probe_cache.h"
#include "runtime/plugin/probe_process.h"

namespace rlx {
namespace {

namespace fs = std::filesystem;

/// rlx-probe as it is installed beside the core library, or beside the program of a static build.
fs::path find_program(const fs::path& core_folder) {
  for (const char* place : {"../libexec/rlx/rlx-probe", "../../libexec/rlx/rlx-probe", "rlx/rlx-probe"}) {
    const fs::path program = core_folder / place;
    std::error_code ignored;
    if (fs::is_regular_file(program, ignored)) return program.lexically_normal();
  }
  return {};
}

std::vector<std::string> arguments_of(const fs::path& program, const PluginFile& file,
                                      const HostVersions& host) {
  std::vector<std::string> arguments = {program.string(), file.path.string()};
  for (const std::uint32_t number : {host.abi_epoch, host.abi_major, host.abi_minor_min, host.abi_minor_max,
                                     host.lir_version_min, host.lir_version_max})
    arguments.push_back(std::to_string(number));
  return arguments;
}

/// "good", or "refused CODE\nREASON".
ProbeVerdict verdict_of_text(const std::string& text) {
  if (text == "good") return {ProbeOutcome::kGood, {}, {}};
  int code = 0;
  if (!text.starts_with("refused ") || !(std::istringstream(text.substr(8)) >> code)) {
    return {ProbeOutcome::kCrashed, ErrorCode::kPluginCrashed,
            "the process that probed it ended without a verdict"};
  }
  const std::size_t line = text.find('\n');
  return {ProbeOutcome::kRefused, static_cast<ErrorCode>(code),
          line == text.npos ? std::string() : text.substr(line + 1)};
}

ProbeVerdict verdict_of(const ChildResult& child, std::chrono::milliseconds timeout) {
  if (!child.started) return {ProbeOutcome::kNotProbed, {}, child.problem};
  if (child.timed_out)
    return {ProbeOutcome::kHung, ErrorCode::kPluginCrashed,
            join("loading it did not end within ", timeout.count(),
                 " ms in a process of its own, which was stopped")};
  if (child.signal)
    return {ProbeOutcome::kCrashed, ErrorCode::kPluginCrashed,
            join("loading it crashed the process that tried: signal ", child.signal, " (",
                 strsignal(child.signal), ")")};
  return verdict_of_text(child.output);
}

}  // namespace

Prober::Prober(ProbeOptions options, fs::path core_folder, fs::path cache_folder)
    : options_(std::move(options)) {
  program_ = !options_.program.empty() || core_folder.empty() ? options_.program : find_program(core_folder);
  if (options_.use_cache)
    cache_folder_ = options_.cache_folder.empty() ? std::move(cache_folder) : options_.cache_folder;
}

ProbeVerdict Prober::probe(const PluginFile& file, const HostVersions& host) const {
  if (!options_.enabled) return {ProbeOutcome::kNotProbed, {}, "probing is switched off"};
  const ProbeCache cache(cache_folder_, file, host);
  if (auto known = cache.find()) return *std::move(known);
  if (program_.empty())
    return {ProbeOutcome::kNotProbed, {}, "there is no rlx-probe beside the core library"};
  ProbeVerdict verdict =
      verdict_of(run_child(arguments_of(program_, file, host), options_.timeout), options_.timeout);
  cache.remember(verdict);
  return verdict;
}

}  // namespace rlx
