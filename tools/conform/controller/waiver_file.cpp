// SPDX-License-Identifier: Apache-2.0
// The file of waivers: TOML in, rows or the first problem out.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

// The header alone: one library less for a tool that is installed beside plugins.
#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#include <toml++/toml.h>

#include "tools/conform/controller/waivers.h"

namespace rlx::conform {
namespace {

constexpr std::uint64_t kFileBytesMost = 1 << 20;

struct Key {
  std::string Waiver::*member;
  bool required;
};

const std::map<std::string, Key>& text_keys() {
  static const std::map<std::string, Key> keys = {
      {"id", {&Waiver::id, true}},         {"check", {&Waiver::check, true}},   {"plugin", {&Waiver::plugin, true}},
      {"versions", {&Waiver::versions, true}}, {"device", {&Waiver::device, false}}, {"expect", {&Waiver::expect, true}},
      {"reason", {&Waiver::reason, true}}, {"issue", {&Waiver::issue, true}},   {"owner", {&Waiver::owner, true}}};
  return keys;
}

std::string known_keys() {
  std::string out = "expires";
  for (const auto& [name, key] : text_keys()) out += ", " + name;
  return out;
}

/// "AAA-00", or that and "/" with a glob of cases.
bool names_one_check(const std::string& text) {
  const auto upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  const std::string id = text.substr(0, text.find('/'));
  return id.size() == 6 && upper(id[0]) && upper(id[1]) && upper(id[2]) && id[3] == '-' && digit(id[4]) && digit(id[5]) &&
         (text.size() == id.size() || text.size() > id.size() + 1);
}

std::string take_date(const toml::node& node, Waiver& waiver) {
  if (const auto date = node.value_exact<toml::date>()) {
    char text[40];
    std::snprintf(text, sizeof text, "%04u-%02u-%02u", unsigned{date->year}, unsigned{date->month}, unsigned{date->day});
    waiver.expires_text = text;
  } else if (const auto text = node.value_exact<std::string>()) {
    waiver.expires_text = *text;
  }
  waiver.expires = day_of(waiver.expires_text);
  return waiver.expires < 0 ? "`expires`: wanted a date such as 2027-01-31" : "";
}

std::string take_keys(const toml::table& table, Waiver& waiver) {
  for (const auto& [name, node] : table) {
    const std::string key(name.str());
    if (key == "expires") {
      if (std::string problem = take_date(node, waiver); !problem.empty()) return problem;
      continue;
    }
    const auto found = text_keys().find(key);
    if (found == text_keys().end()) return "unknown key `" + key.substr(0, 60) + "`; known: " + known_keys();
    const auto text = node.value_exact<std::string>();
    if (!text || text->empty()) return "`" + key + "`: wanted a text that is not empty";
    waiver.*found->second.member = *text;
  }
  for (const auto& [name, key] : text_keys())
    if (key.required && (waiver.*key.member).empty()) return "`" + name + "` is missing";
  return waiver.expires_text.empty() ? "`expires` is missing" : "";
}

std::string check_values(const Waiver& waiver, std::int64_t today) {
  if (!names_one_check(waiver.check)) return "`check` is `" + waiver.check + "`: wanted one check such as ERR-04, or ERR-04/ and a glob of its cases";
  const std::set<std::string> expects = {"fail", "crash", "hang", "flaky"};
  if (!expects.count(waiver.expect)) return "`expect` is `" + waiver.expect + "`: wanted fail, crash, hang or flaky";
  if (std::string problem = versions_problem(waiver.versions); !problem.empty()) return "`versions`: " + problem;
  if (waiver.expires > today + kWaiverDaysMost)
    return "`expires` is " + waiver.expires_text + ", in " + std::to_string(waiver.expires - today) + " days: wanted at most " + std::to_string(kWaiverDaysMost);
  return {};
}

std::string take_rows(const toml::table& root, std::int64_t today, WaiverFile& file) {
  for (const auto& [name, node] : root)
    if (name.str() != "waiver" || !node.is_array_of_tables()) return "unknown key `" + std::string(name.str()).substr(0, 60) + "`; wanted [[waiver]] tables alone";
  const toml::array* rows = root["waiver"].as_array();
  if (!rows) return "has no [[waiver]]";
  std::set<std::string> ids;
  for (const toml::node& row : *rows) {
    Waiver waiver;
    waiver.device = "*";
    waiver.id = (*row.as_table())["id"].value_or(std::string());  // the first thing that a message needs
    std::string problem = take_keys(*row.as_table(), waiver);
    if (problem.empty()) problem = check_values(waiver, today);
    if (problem.empty() && !ids.insert(waiver.id).second) problem = "its id is used twice";
    const std::string which = waiver.id.empty() ? std::string("the waiver") : "waiver `" + waiver.id.substr(0, 60) + "`";
    if (!problem.empty()) return which + " at line " + std::to_string(row.source().begin.line) + ": " + problem;
    file.waivers.push_back(std::move(waiver));
  }
  return {};
}

/// The numbers of "1.2.3-rc1+x"; empty where there are none.
std::vector<std::uint64_t> numbers_of(const std::string& version) {
  std::vector<std::uint64_t> out;
  const char *at = version.data(), *end = at + std::min(version.find_first_of("-+"), version.size());
  for (bool more = true; more;) {
    std::uint64_t number = 0;
    const auto [next, error] = std::from_chars(at, end, number);
    if (error != std::errc()) return {};
    out.push_back(number);
    more = next != end && *next == '.';
    if (!more && next != end) return {};
    at = next + 1;
  }
  return out;
}

/// A part of a range, ">=1.2": how it compares, and the numbers. False where it makes no sense.
bool take_part(const std::string& part, std::string& how, std::vector<std::uint64_t>& numbers) {
  const std::size_t digits = part.find_first_of("0123456789");
  if (digits == std::string::npos) return false;
  how = part.substr(0, digits);
  numbers = numbers_of(part.substr(digits));
  return !numbers.empty() && (how == "<" || how == "<=" || how == ">" || how == ">=" || how == "=");
}

std::vector<std::string> parts_of(const std::string& range) {
  std::vector<std::string> out;
  for (std::size_t at = 0; (at = range.find_first_not_of(' ', at)) != std::string::npos;) {
    const std::size_t end = std::min(range.find(' ', at), range.size());
    out.push_back(range.substr(at, end - at));
    at = end;
  }
  return out;
}

}  // namespace

std::string versions_problem(const std::string& range) {
  const auto parts = parts_of(range);
  std::string how;
  std::vector<std::uint64_t> numbers;
  for (const std::string& part : parts)
    if (!take_part(part, how, numbers)) return "`" + part.substr(0, 60) + "`: wanted parts such as >=1.2 or <2, with spaces between";
  return parts.empty() ? "wanted parts such as >=1.2 or <2" : "";
}

bool in_versions(const std::string& range, const std::string& version) {
  const auto seen = numbers_of(version);
  if (seen.empty()) return false;
  for (const std::string& part : parts_of(range)) {
    std::string how;
    std::vector<std::uint64_t> wanted, own = seen;
    if (!take_part(part, how, wanted)) return false;
    // 1.2 is 1.2.0.
    own.resize(std::max(own.size(), wanted.size()));
    wanted.resize(own.size());
    const bool right = how == "<" ? own < wanted : how == "<=" ? own <= wanted : how == ">" ? own > wanted : how == ">=" ? own >= wanted : own == wanted;
    if (!right) return false;
  }
  return true;
}

std::int64_t day_of(std::string_view text) {
  int parts[3] = {};
  const std::size_t ends[3] = {4, 7, 10};
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return -1;
  for (std::size_t i = 0, begin = 0; i < 3; begin = ends[i++] + 1) {
    const auto [next, error] = std::from_chars(text.data() + begin, text.data() + ends[i], parts[i]);
    if (error != std::errc() || next != text.data() + ends[i]) return -1;
  }
  const std::chrono::year_month_day date{std::chrono::year(parts[0]), std::chrono::month(static_cast<unsigned>(parts[1])),
                                         std::chrono::day(static_cast<unsigned>(parts[2]))};
  if (parts[0] < 1970 || parts[1] < 1 || parts[2] < 1 || !date.ok()) return -1;
  return std::chrono::sys_days(date).time_since_epoch().count();
}

std::string date_text(std::int64_t day) {
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(day))};
  char text[40];
  std::snprintf(text, sizeof text, "%04d-%02u-%02u", static_cast<int>(date.year()), static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
  return text;
}

std::int64_t today() {
  return std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now()).time_since_epoch().count();
}

WaiverFile parse_waivers(const std::string& text, std::int64_t today) {
  WaiverFile file;
  // The parser of tomlplusplus 3.3 leaves its tables at some characters past ASCII.
  const auto strange = std::find_if(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) > 127; });
  if (strange != text.end()) {
    file.problem = "line " + std::to_string(std::count(text.begin(), strange, '\n') + 1) + ": a character that is not ASCII; wanted \"\\u00e9\" for an e with an accent";
    return file;
  }
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    file.problem = "line " + std::to_string(parsed.error().source().begin.line) + ": " + std::string(parsed.error().description());
    return file;
  }
  file.problem = take_rows(parsed.table(), today, file);
  if (!file.problem.empty()) file.waivers.clear();
  return file;
}

WaiverFile read_waivers(const std::string& path, std::int64_t today) {
  WaiverFile file;
  std::ifstream stream(path, std::ios::binary);
  std::string text(kFileBytesMost + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(stream.gcount(), 0)));
  if (!stream.is_open() || stream.bad() || (text.empty() && !stream.eof())) file.problem = "cannot be read";
  else if (text.size() > kFileBytesMost) file.problem = "is longer than " + std::to_string(kFileBytesMost) + " bytes";
  else file = parse_waivers(text, today);
  return file;
}

}  // namespace rlx::conform
