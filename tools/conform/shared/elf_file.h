// SPDX-License-Identifier: Apache-2.0
// What a plugin's file says without a byte of it being run: its notes, what it exports and what it needs.
#pragma once

#include <rlx/plugin.h>

#include <string>
#include <vector>

namespace rlx::conform {

/// Why the bytes cannot be a library of this machine; empty where they can.
std::string elf_problem(const std::string& bytes);

struct ElfNotes {
  std::vector<rlx_descriptor> descriptors;
  std::string build_id;
};
/// Walks every PT_NOTE, as the contract says; a missing section table does not matter. Never leaves the bytes.
ElfNotes elf_notes(const std::string& bytes);

struct ElfDynamic {
  std::vector<std::string> exports;  ///< defined global and weak symbols
  std::vector<std::string> imports;  ///< undefined ones
  std::vector<std::string> needed;   ///< libraries
};
/// From the dynamic segment alone.
ElfDynamic elf_dynamic(const std::string& bytes);

}  // namespace rlx::conform
