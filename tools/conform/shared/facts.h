// SPDX-License-Identifier: Apache-2.0
// What a survey of the plugin found: what it says of itself, before any check. Lines of text, one fact a line, so that
// they cross processes; checks list their cases from them.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace rlx::conform {

struct Claim {
  std::uint32_t opcode = 0, version_min = 0, version_max = 0, max_rank = 0;
  std::uint64_t dtypes = 0, functions = 0, operand_layouts = 0;
  std::uint32_t precisions = 0, flags = 0;
  bool operator==(const Claim&) const = default;
};

struct OptionFact {
  std::string key, type, value, allowed;
  std::uint32_t affects_code = 0, scope = 0;
};

struct Facts {
  bool loaded = false;  ///< the library is loaded and the handshake has succeeded
  bool opened = false;  ///< an instance could be opened
  std::string open_problem;
  std::uint32_t device_count = 0;
  std::string no_device_reason;
  bool device_opened = false;
  std::string device_problem;
  std::string plugin_id, plugin_version, kind, device_name, persistent_id, fingerprint;
  std::uint32_t plugin_flags = 0, device_flags = 0;
  std::uint64_t memory_bytes = 0, max_alloc_bytes = 0;
  std::uint32_t min_alignment = 0;
  std::set<std::string> interfaces;  ///< ids that get_interface answers
  std::set<std::string> slots;       ///< "rlx.buffer/1.import_host": slots that are not null
  std::vector<Claim> claims;
  std::vector<OptionFact> options;

  bool has(const std::string& interface) const { return interfaces.count(interface) != 0; }
  bool has_slot(const std::string& slot) const { return slots.count(slot) != 0; }
  /// Every required interface is there and device 0 opens.
  bool usable() const;
  const Claim* claim(std::uint32_t opcode) const;
};

/// One line per fact; texts are escaped.
std::vector<std::string> facts_to_lines(const Facts& facts);
/// Unknown keys are skipped.
Facts facts_from_lines(const std::vector<std::string>& lines);

/// The ids of the interfaces that every plugin has.
const std::vector<std::string>& required_interfaces();

}  // namespace rlx::conform
