// SPDX-License-Identifier: Apache-2.0
// Which of its claims a plugin was held to: of every op and dtype, the numeric cases that ran it and how near to their
// bounds the results came.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tools/conform/controller/outcome.h"
#include "tools/conform/shared/facts.h"

namespace rlx::conform {

struct Cell {
  bool claimed = false;
  std::uint64_t passed = 0, failed = 0;  ///< cases in which the op met the dtype and something was compared
  std::uint64_t refused = 0;             ///< cases of this op alone that were refused, though the claims have them
  std::uint64_t elements = 0;            ///< compared in cases of this op alone
  double worst = 0;                      ///< of these, the greatest |seen - wanted| / bound
  bool measured = false;                 ///< worst says something: a bound above zero was met
  bool tested() const { return passed + failed != 0; }
};

struct Coverage {
  std::map<std::string, std::map<std::uint32_t, Cell>> ops;  ///< by op's name, then by number of the dtype
  std::vector<std::uint32_t> dtypes;                         ///< that occur, ascending
  std::uint64_t claimed = 0, tested = 0;                     ///< cells; tested counts claimed ones alone
  std::vector<std::string> untested;                         ///< "gather f16", claimed
  std::vector<std::string> refused;                          ///< of these, what was asked for and refused each time
};

Coverage coverage_of(const Facts& facts, const std::vector<Outcome>& outcomes);
/// "f32"; "dtype 77" for an unknown number.
std::string dtype_text(std::uint32_t number);

/// What an image holds: pairs of op and dtype of its operands and results, and the one op of its main graph, if it is one.
/// Nothing for bytes that are no image.
void note_covers(const std::string& image, Outcome& outcome);

}  // namespace rlx::conform
