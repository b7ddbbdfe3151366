// SPDX-License-Identifier: Apache-2.0
// One page for a person: what holds, what does not and how to see it again, what was compared and how near to the bounds,
// what is excused, and where it ran. Complete in itself.
#pragma once

#include <string>
#include <vector>

#include "tools/conform/controller/report.h"

namespace rlx::conform {

/// Text of the page. Whatever a plugin says in it is cut and escaped.
std::string html(const RunInfo& info, const std::vector<Outcome>& outcomes, const Verdict& verdict);

/// Text of the outside for HTML: printable, at most `most` bytes, with no character that HTML or an attribute knows.
std::string html_text(const std::string& text, std::size_t most = 400);

/// Lines "name", "value" about this machine: processor, kernel, cores, time.
std::vector<std::pair<std::string, std::string>> machine_facts();

}  // namespace rlx::conform
