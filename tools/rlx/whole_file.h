// SPDX-License-Identifier: Apache-2.0
// Files that a person asked for, written as a shell would expect: whole or not at all, links followed, devices and pipes
// written to and never replaced.
#pragma once

#include <rlx/host/result.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace rlx_tool {

/// Fills a buffer; returns how many bytes, 0 at the end, less than 0 with errno on a failure.
using NextBytes = std::function<long(char* buffer, std::size_t size)>;

/// Writes what `next` gives to `path`. A regular file, or none, is replaced in one step: nobody sees half of one, and one
/// that could not be written whole leaves what was there. Anything else is opened and written to; a link stays a link.
/// Errors: kFileUnwritable with the system's reason.
rlx::Status write_whole(const std::string& path, const NextBytes& next);

/// The same for a text.
rlx::Status write_whole(const std::string& path, std::string_view text);

/// Refuses an output that leads to a file which is read. `option`: as it is typed. Errors: kUsage.
rlx::Status not_an_input(const std::string& option, const std::string& output, const std::vector<std::string>& inputs);

/// Where a chain of links ends, whether something is there or not. Empty with errno where it does not end.
std::string end_of_links(std::string path);

/// Whether both paths lead to one file, by whatever links.
bool same_file(const std::string& left, const std::string& right);

}  // namespace rlx_tool
