// SPDX-License-Identifier: Apache-2.0
// Folders as names and bytes, to be sent and made again.
#pragma once

#include <map>
#include <string>

namespace rlx::conform {

/// Bytes by path below a folder.
using Tree = std::map<std::string, std::string>;

/// The regular files below `folder`, links left out; of folders right below it only those for which `enter` holds.
Tree read_tree(const std::string& folder, bool (*enter)(const std::string& name));

/// False for a path that would leave `folder`, and for what cannot be written.
bool write_below(const std::string& folder, const std::string& path, const std::string& bytes);

/// Nothing where it cannot be read.
std::string bytes_of_file(const std::string& path);

}  // namespace rlx::conform
