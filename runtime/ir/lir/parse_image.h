// SPDX-License-Identifier: Apache-2.0
// The two halves of verifying bytes from outside: reading them without trust, and the rules of a module.
#pragma once

#include "runtime/ir/lir/image.h"

namespace rlx::lir {

/// Reads an image that nobody has checked. Whatever the bytes, memory and time stay linear in their number: ranges of
/// pools must follow each other as the writer lays them. Errors: kInvalidImage, kImageVersion.
Result<Module> parse_image(Bytes bytes);

/// The rules that a bound module must keep beyond what its types say: indices in range, one definition before any use,
/// views inside their roots, regions closed and nested, tables that agree, places inside arenas and disjoint in time.
/// Errors: kInvalidImage naming the record and the rule.
Status check_module(const Module& module);

}  // namespace rlx::lir
