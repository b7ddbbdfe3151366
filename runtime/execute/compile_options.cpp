// SPDX-License-Identifier: Apache-2.0
// Checking options before anything is built, and their canonical text.
#include "runtime/execute/compile_options.h"

#include <algorithm>
#include <array>

#include "runtime/base/check.h"
#include "runtime/base/names.h"

namespace rlx {
namespace {

constexpr std::uint32_t kMostAlignment = 2u << 20;
constexpr std::array<std::string_view, 6> kPrecisions = {"f32", "f32_strict", "tf32", "bf16", "f16", "i8_dynamic"};

/// Empty for a number that is none.
std::string_view precision_name(Precision precision) {
  const auto index = static_cast<std::size_t>(precision);
  return index < kPrecisions.size() ? kPrecisions[index] : std::string_view();
}

bool is_lower(Precision precision) { return precision != Precision::kF32 && precision != Precision::kF32Strict; }

Status check_list(std::string_view what, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (name.find('.') != std::string::npos) continue;  // a third party's op
    const OpInfo* info = op_by_name(name);
    if (!info) {
      std::vector<std::string> composites;
      for (Opcode op = 1; op < 1024; ++op)
        if (const OpInfo* known = op_info(op); known && known->composite) composites.emplace_back(known->name);
      return fail(ErrorCode::kUnknownName, what, " names `", name, "`, which is no op; ", did_you_mean(name, composites));
    }
    if (!info->composite)
      return fail(ErrorCode::kInvalidArgument, what, " names `", name, "`, which is no composite: there is nothing to expand it to");
  }
  return {};
}

void make_set(std::vector<std::string>& names) {
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
}

Status check_lists(const CompileOptions& options) {
  RLX_TRY(check_list("force_common", options.force_common));
  RLX_TRY(check_list("force_native", options.force_native));
  for (const std::string& name : options.force_common)
    if (std::binary_search(options.force_native.begin(), options.force_native.end(), name))
      return fail(ErrorCode::kInvalidArgument, "`", name, "` is in force_common and in force_native");
  return {};
}

Status check_numbers(const CompileOptions& options) {
  const std::uint32_t alignment = options.alignment;
  if (alignment < 64 || alignment > kMostAlignment || (alignment & (alignment - 1)) != 0)
    return fail(ErrorCode::kInvalidArgument, "alignment is ", alignment, ", wanted a power of two from 64 to ", kMostAlignment);
  if (static_cast<unsigned>(options.dispatch) > 2)
    return fail(ErrorCode::kInvalidArgument, "dispatch is ", static_cast<unsigned>(options.dispatch), ", wanted 0 to 2");
  if (precision_name(options.precision).empty())
    return fail(ErrorCode::kInvalidArgument, "precision is ", static_cast<unsigned>(options.precision), ", wanted 0 to ", kPrecisions.size() - 1);
  if (options.strict_fusion && !options.fuse)
    return fail(ErrorCode::kInvalidArgument, "strict_fusion is on and fuse is off: every fusion would be missed");
  return {};
}

Status add_precision(CompileOptions& options, const DeviceBody& device) {
  const std::string_view wanted = precision_name(options.precision);
  for (const auto& [key, value] : options.backend) {
    if (key != "precision") continue;
    if (options.precision == Precision::kF32 || value == wanted) return {};
    return fail(ErrorCode::kInvalidArgument, "precision is ", wanted, ", and the backend's option `precision` is ", value);
  }
  if (device.option("precision")) {
    options.backend.emplace_back("precision", wanted);
  } else if (is_lower(options.precision)) {
    return fail(ErrorCode::kInvalidArgument, "precision is ", wanted, ", and ", device.report().device, " (", device.report().plugin_id,
                ") has no option `precision`: leave it at f32");
  }
  return {};
}

std::string field(std::string_view name, std::string_view value) { return join(name, "=", value.size(), ":", value, " "); }

std::string list_field(std::string_view name, const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& each : names) text += join(each.size(), ":", each, " ");
  return field(name, text);
}

}  // namespace

Result<CompileOptions> complete_options(CompileOptions options, const DeviceBody& device) {
  make_set(options.force_common);
  make_set(options.force_native);
  RLX_TRY(check_numbers(options));
  RLX_TRY(check_lists(options));
  RLX_TRY(add_precision(options, device));
  std::sort(options.backend.begin(), options.backend.end());
  for (std::size_t i = 1; i < options.backend.size(); ++i)
    if (options.backend[i].first == options.backend[i - 1].first)
      return fail(ErrorCode::kInvalidArgument, "the backend's option `", options.backend[i].first, "` is given twice");
  return options;
}

std::string specialize_text(const CompileOptions& options) {
  std::string text = field("dispatch", std::to_string(static_cast<unsigned>(options.dispatch)));
  text += list_field("force_common", options.force_common) + list_field("force_native", options.force_native);
  text += field("strict_fusion", std::to_string(options.strict_fusion)) + field("alignment", std::to_string(options.alignment));
  text += field("thread_limit", std::to_string(options.thread_limit));
  for (const auto& [key, value] : options.backend) text += field("backend", join(key.size(), ":", key, value));
  return text;
}

std::string options_text(const CompileOptions& options) {
  return field("fuse", std::to_string(options.fuse)) + field("fold_constants", std::to_string(options.fold_constants)) +
         field("remove_dead_code", std::to_string(options.remove_dead_code)) + specialize_text(options);
}

SpecializeOptions specialize_options(const CompileOptions& options) {
  SpecializeOptions result;
  result.expand_all = options.dispatch == Dispatch::kForceCommon;
  result.native_only = options.dispatch == Dispatch::kForceNative;
  result.strict_fusion = options.strict_fusion;
  result.expand.insert(options.force_common.begin(), options.force_common.end());
  result.keep.insert(options.force_native.begin(), options.force_native.end());
  result.alignment = options.alignment;
  return result;
}

}  // namespace rlx
