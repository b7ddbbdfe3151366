// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/shared/facts.h"

#include <cstdlib>
#include <map>
#include <utility>

namespace rlx::conform {
namespace {

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\t')
      out += "\\t";
    else if (c == '\n')
      out += "\\n";
    else if (c == '\\')
      out += "\\\\";
    else
      out += c;
  }
  return out;
}

std::string unescaped(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      ++i;
      out += text[i] == 't' ? '\t' : text[i] == 'n' ? '\n' : text[i];
    } else {
      out += text[i];
    }
  }
  return out;
}

std::vector<std::string> columns(const std::string& line) {
  std::vector<std::string> out(1);
  for (const char c : line) {
    if (c == '\t')
      out.emplace_back();
    else
      out.back() += c;
  }
  for (std::string& column : out) column = unescaped(column);
  return out;
}

std::uint64_t number(const std::string& text) { return std::strtoull(text.c_str(), nullptr, 10); }
std::uint32_t small(const std::string& text) { return static_cast<std::uint32_t>(number(text)); }

template <class Self>
auto text_fields(Self& facts) {
  return std::map<std::string, decltype(&facts.kind)>{{"open_problem", &facts.open_problem},
                                                      {"no_device_reason", &facts.no_device_reason},
                                                      {"device_problem", &facts.device_problem},
                                                      {"plugin_id", &facts.plugin_id},
                                                      {"plugin_version", &facts.plugin_version},
                                                      {"kind", &facts.kind},
                                                      {"device_name", &facts.device_name},
                                                      {"persistent_id", &facts.persistent_id},
                                                      {"fingerprint", &facts.fingerprint}};
}

template <class Self>
auto number_fields(Self& facts) {
  return std::map<std::string, decltype(&facts.device_count)>{{"device_count", &facts.device_count},
                                                              {"plugin_flags", &facts.plugin_flags},
                                                              {"device_flags", &facts.device_flags},
                                                              {"min_alignment", &facts.min_alignment}};
}

void read_row(Facts& facts, const std::vector<std::string>& row) {
  const std::string& key = row[0];
  const auto texts = text_fields(facts);
  const auto numbers = number_fields(facts);
  if (const auto found = texts.find(key); found != texts.end() && row.size() > 1) *found->second = row[1];
  if (const auto found = numbers.find(key); found != numbers.end() && row.size() > 1) *found->second = small(row[1]);
  if (key == "loaded") facts.loaded = true;
  if (key == "opened") facts.opened = true;
  if (key == "device_opened") facts.device_opened = true;
  if (key == "memory_bytes" && row.size() > 1) facts.memory_bytes = number(row[1]);
  if (key == "max_alloc_bytes" && row.size() > 1) facts.max_alloc_bytes = number(row[1]);
  if (key == "interface" && row.size() > 1) facts.interfaces.insert(row[1]);
  if (key == "slot" && row.size() > 1) facts.slots.insert(row[1]);
  if (key == "option" && row.size() > 6)
    facts.options.push_back({row[1], row[2], row[3], row[4], small(row[5]), small(row[6])});
  if (key == "claim" && row.size() > 9)
    facts.claims.push_back({small(row[1]), small(row[2]), small(row[3]), small(row[4]), number(row[5]), number(row[6]),
                            number(row[7]), small(row[8]), small(row[9])});
}

}  // namespace

bool Facts::usable() const {
  for (const std::string& id : required_interfaces())
    if (!has(id)) return false;
  return device_opened;
}

const Claim* Facts::claim(std::uint32_t opcode) const {
  for (const Claim& row : claims)
    if (row.opcode == opcode) return &row;
  return nullptr;
}

const std::vector<std::string>& required_interfaces() {
  static const std::vector<std::string> ids = {"rlx.plugin/1", "rlx.device/1",  "rlx.buffer/1",
                                               "rlx.params/1", "rlx.compile/1", "rlx.execute/1"};
  return ids;
}

std::vector<std::string> facts_to_lines(const Facts& facts) {
  std::vector<std::string> out;
  const auto add = [&](const std::vector<std::string>& row) {
    std::string line;
    for (const std::string& column : row) line += (line.empty() ? "" : "\t") + escaped(column);
    out.push_back(line);
  };
  if (facts.loaded) add({"loaded"});
  if (facts.opened) add({"opened"});
  if (facts.device_opened) add({"device_opened"});
  for (const auto& [key, value] : text_fields(facts)) add({key, *value});
  for (const auto& [key, value] : number_fields(facts)) add({key, std::to_string(*value)});
  add({"memory_bytes", std::to_string(facts.memory_bytes)});
  add({"max_alloc_bytes", std::to_string(facts.max_alloc_bytes)});
  for (const std::string& id : facts.interfaces) add({"interface", id});
  for (const std::string& slot : facts.slots) add({"slot", slot});
  for (const OptionFact& row : facts.options)
    add({"option", row.key, row.type, row.value, row.allowed, std::to_string(row.affects_code), std::to_string(row.scope)});
  for (const Claim& row : facts.claims)
    add({"claim", std::to_string(row.opcode), std::to_string(row.version_min), std::to_string(row.version_max),
         std::to_string(row.max_rank), std::to_string(row.dtypes), std::to_string(row.functions),
         std::to_string(row.operand_layouts), std::to_string(row.precisions), std::to_string(row.flags)});
  return out;
}

Facts facts_from_lines(const std::vector<std::string>& lines) {
  Facts facts;
  for (const std::string& line : lines) read_row(facts, columns(line));
  return facts;
}

}  // namespace rlx::conform
