// SPDX-License-Identifier: Apache-2.0
// Where the importer libraries lie and how one is opened: by full path, on first need, for the rest of the
// process.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.h"

namespace rlx {

/// Folders searched for importers, in order: beside the runtime library, then its rlx/, then ../lib and
/// ../lib/rlx.
std::vector<std::filesystem::path> importer_folders();

/// Opens `file_name` from the first of `folders` that has it and finds `symbol`. The library is never
/// unloaded: what it returned may run its code later. Errors: kImporterMissing naming the places, or the
/// linker's own words.
Result<void*> importer_symbol(const std::vector<std::filesystem::path>& folders, std::string_view file_name,
                              const char* symbol);

}  // namespace rlx
