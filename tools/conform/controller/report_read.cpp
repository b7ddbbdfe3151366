// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/controller/report_read.h"

#include <map>
#include <nlohmann/json.hpp>

#include "runtime/base/certificate.h"

namespace rlx::conform {
namespace {

using Json = nlohmann::json;
constexpr std::size_t kLineMost = 1 << 20;

std::string text_in(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::uint64_t number_in(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

bool is_true(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_boolean() && found->get<bool>();
}

bool status_of(const std::string& word, CaseStatus& out) {
  for (std::size_t i = 0; i < 12; ++i) {
    if (word != status_word(static_cast<CaseStatus>(i))) continue;
    out = static_cast<CaseStatus>(i);
    return true;
  }
  return false;
}

std::string environment_of(const Json& json) {
  std::string out;
  for (const char* key : {"tool", "tool_hash", "plugin", "version", "file_digest", "build_id", "kind", "device", "fingerprint", "profile", "date"})
    out += std::string(key) + ": " + clean(text_in(json, key)) + "\n";
  if (const auto seeds = json.find("seeds"); seeds != json.end() && seeds->is_array())
    for (const Json& seed : *seeds)
      if (seed.is_number_unsigned()) out += "seed: " + std::to_string(seed.get<std::uint64_t>()) + "\n";
  if (const auto machine = json.find("machine"); machine != json.end() && machine->is_object())
    for (const auto& [name, value] : machine->items())
      if (value.is_string()) out += clean(name, 40) + ": " + clean(value.get<std::string>()) + "\n";
  return out;
}

std::string take_run(const Json& json, ReadRun& out) {
  RunInfo& info = out.info;
  info.target.digest = text_in(json, "file_digest");
  info.facts.plugin_id = text_in(json, "plugin");
  info.facts.plugin_version = text_in(json, "version");
  info.facts.kind = text_in(json, "kind");
  info.facts.device_name = text_in(json, "device");
  info.facts.fingerprint = text_in(json, "fingerprint");
  info.facts.device_opened = is_true(json, "device_opened");
  info.options.profile = text_in(json, "profile");
  if (!json.contains("part") || is_true(json, "part")) info.options.filters = {"*"};
  out.own_worker = is_true(json, "own_worker");
  out.tool = text_in(json, "tool");
  info.tool_hash = text_in(json, "tool_hash");
  out.strength = text_in(json, "strength");
  out.planned = number_in(json, "cases");
  out.environment = environment_of(json);
  if ((info.date = day_of(text_in(json, "date"))) < 0) return "it has no date";
  const auto seeds = json.find("seeds");
  if (seeds == json.end() || !seeds->is_array() || seeds->empty() || seeds->size() > 1000) return "it has no seeds";
  for (const Json& seed : *seeds) {
    if (!seed.is_number_unsigned()) return "a seed is no number";
    info.options.fresh.push_back(seed.get<std::uint64_t>());
  }
  if (const auto passed = json.find("passed"); passed != json.end() && passed->is_array())
    for (const Json& name : *passed)
      if (name.is_string() && info.options.pass.size() < 1000) info.options.pass.push_back(name.get<std::string>());
  info.options.seed = info.options.fresh.front();
  info.options.fresh.erase(info.options.fresh.begin());
  return {};
}

std::string take_check(const Json& json, ReadRun& out) {
  CheckInfo check{text_in(json, "id"), text_in(json, "sentence"), static_cast<int>(std::min<std::uint64_t>(number_in(json, "level"), 99)), number_in(json, "floor"),
                  is_true(json, "numeric")};
  if (check.id.empty() || check.level > kLevelMost) return "it is a check without a name or of an unknown level";
  for (const CheckInfo& other : out.info.plan.checks)
    if (other.id == check.id) return "check " + clean(check.id, 40) + " comes twice";
  out.info.plan.checks.push_back(std::move(check));
  return {};
}

std::string take_case(const Json& json, ReadRun& out) {
  Outcome outcome;
  outcome.check = text_in(json, "check");
  outcome.key = text_in(json, "key");
  outcome.seed = number_in(json, "seed");
  outcome.waiver = text_in(json, "waiver");
  outcome.assertions = number_in(json, "assertions");
  outcome.elements = number_in(json, "elements");
  outcome.refused = is_true(json, "refused");
  if (!status_of(text_in(json, "status"), outcome.status)) return "its status is unknown";
  if (outcome.status == CaseStatus::kWaived && !status_of(text_in(json, "waived"), outcome.waived)) return "what was waived is unknown";
  out.outcomes.push_back(std::move(outcome));
  return {};
}

std::string take_line(const Json& json, ReadRun& out) {
  const std::string type = text_in(json, "type");
  if (type == "run") return take_run(json, out);
  if (type == "check") return take_check(json, out);
  if (type == "case") return take_case(json, out);
  if (type == "waiver" && text_in(json, "state") == waiver_state_word(WaiverState::kNotRun)) out.left_out.push_back(text_in(json, "check"));
  if (type == "verdict") {
    out.code = static_cast<int>(std::min<std::uint64_t>(number_in(json, "code"), 99));
    out.level = static_cast<int>(std::min<std::uint64_t>(number_in(json, "level"), 99));
  }
  return {};
}

}  // namespace

ReadRun read_report(const std::string& text) {
  ReadRun out;
  std::size_t number = 0;
  const auto refuse = [&](const std::string& why) {
    out.problem = "line " + std::to_string(number) + ": " + why;
    return out;
  };
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    ++number;
    if (end == std::string::npos) return refuse("it is cut");
    if (end - at > kLineMost) return refuse("it is longer than " + std::to_string(kLineMost) + " bytes");
    const Json json = Json::parse(text.begin() + static_cast<std::ptrdiff_t>(at), text.begin() + static_cast<std::ptrdiff_t>(end), nullptr, false);
    at = end + 1;
    if (json.is_discarded() || !json.is_object()) return refuse("it is no object of JSON");
    if ((number == 1) != (text_in(json, "type") == "run")) return refuse("a line of type run comes first, and nowhere else");
    if (out.code >= 0) return refuse("something comes after the verdict");
    if (const std::string why = take_line(json, out); !why.empty()) return refuse(why);
  }
  if (out.code < 0) out.problem = "it has no verdict: it is cut";
  return out;
}

std::string checks_text(const Plan& plan, const std::vector<Outcome>& outcomes) {
  std::map<std::string, std::pair<std::uint64_t, std::string>> cases;
  for (const Outcome& outcome : outcomes) {
    auto& [count, keys] = cases[outcome.check];
    ++count;
    // Cases end in any order where several run at once: a sum of hashes has none.
    const std::string key = outcome.key + "\n" + std::to_string(outcome.seed);
    const std::string hash = certificate_hash(std::as_bytes(std::span(key.data(), key.size())));
    if (keys.empty()) keys.assign(hash.size(), '0');
    constexpr std::string_view kDigits = "0123456789abcdef";
    for (std::size_t i = 0, carry = 0; i < hash.size(); ++i) {
      char& digit = keys[hash.size() - 1 - i];
      const std::size_t sum = kDigits.find(digit) + kDigits.find(hash[hash.size() - 1 - i]) + carry;
      digit = kDigits[sum % 16];
      carry = sum / 16;
    }
  }
  std::string out;
  for (const CheckInfo& check : plan.checks) {
    const auto& [count, keys] = cases[check.id];
    out += check.id + " " + (check.level ? "level " + std::to_string(check.level) : std::string("hardened")) + ", floor " + std::to_string(check.floor) +
           (check.numeric ? " elements, " : " assertions, ") + std::to_string(count) + " cases, hash " + (keys.empty() ? "-" : keys) + ": " + check.sentence + "\n";
  }
  return out;
}

}  // namespace rlx::conform
