// SPDX-License-Identifier: Apache-2.0
// The parts of the ABI group: how structs grow (abi_structs.cpp), the file and its host (abi_host.cpp),
// arrays (abi_strides.cpp).
#pragma once

#include "tools/conform/checks/check.h"
#include "tools/conform/shared/registry_table.h"

namespace rlx::conform {

/// Sizes that a shorter version of an in-struct may have: where each field that came later begins; and, for a plugin that
/// knows a newer minor than the tool (`newer`), the tool's whole struct.
std::vector<std::uint32_t> cuts_of(const StructRow& row, std::span<const FieldRow> fields, bool newer);
std::vector<std::string> in_cases(const Facts& facts, Profile profile);
std::vector<std::string> extended_cases(const Facts& facts, Profile profile);
std::vector<std::string> out_cases(const Facts& facts, Profile profile);
std::vector<std::string> size_cases(const Facts& facts, Profile profile);
void abi_cut(Run& run);
void abi_extended(Run& run);
void abi_wrong_sizes(Run& run);
void abi_out_sizes(Run& run);

std::vector<std::string> handshake_cases(const Facts& facts, Profile profile);
void abi_exports(Run& run);
void abi_handshake(Run& run);
void abi_read_only(Run& run);
void abi_descriptor(Run& run);
std::vector<std::string> host_cases(const Facts& facts, Profile profile);
void abi_host(Run& run);
/// One case of ABI-11 and the fields, blanks between, whose stride it makes larger, or reads.
struct StrideCase {
  const char *key, *slot, *owner, *fields;
};
std::vector<StrideCase> stride_table();
std::vector<std::string> stride_cases(const Facts& facts, Profile profile);
void abi_strides(Run& run);

}  // namespace rlx::conform
