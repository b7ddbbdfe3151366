// SPDX-License-Identifier: Apache-2.0
// The true key of a cached variant: everything that decides its bytes, as text, and the name made from it.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/base/span.h"
#include "runtime/execute/container.h"
#include "runtime/execute/template_body.h"

namespace rlx {

/// Fields in a fixed order: format, lir, template, binding, options, plugin, device.
struct AotKey {
  std::vector<std::pair<std::string, std::string>> fields;

  /// Canonical: "name=LENGTH:value\n" for every field. Equal keys have equal text on every machine, and no others.
  std::string text() const;
  /// 32 hex digits of the text's XXH3-128; no path character can occur.
  std::string name() const;
};

AotKey aot_key(const TemplateBody& from, const Binding& binding);

/// The fields of a key's text. Errors: word "key".
Checked<AotKey> parse_aot_key(Bytes text);

/// The first field in which `seen` differs from `wanted`; empty where they are equal.
std::string first_difference(const AotKey& seen, const AotKey& wanted);

/// True for 32 lower-case hex digits.
bool is_aot_name(std::string_view text);

}  // namespace rlx
