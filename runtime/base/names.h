// SPDX-License-Identifier: Apache-2.0
// "did you mean": lists known names, nearest to a wrong one first.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace rlx {

/// Edit distance (insert, delete, replace, each 1).
std::size_t edit_distance(std::string_view a, std::string_view b);

/// "did you mean `a`? (known: a, b, c)", or "known: a, b, c" where none is near; nearest first, at most `limit` names;
/// "there are none" for an empty list.
std::string did_you_mean(std::string_view wrong, std::span<const std::string> known, std::size_t limit = 8);

}  // namespace rlx
