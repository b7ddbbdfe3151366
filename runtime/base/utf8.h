// SPDX-License-Identifier: Apache-2.0
// Text from outside: where its UTF-8 characters end, and the same text as a JSON string or in XML.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace rlx {

/// Bytes of the UTF-8 character at the start of `text`, 1 to 4; 0 where there is none. No overlong forms, no surrogates,
/// nothing past U+10FFFF.
/// Source: Unicode 15, table 3-7, well-formed byte sequences.
std::size_t utf8_length(std::string_view text);

/// True for text that is UTF-8 to its end and has no NUL.
bool is_utf8(std::string_view text);

/// A JSON string with its quotes: UTF-8 is kept, quotes, backslashes and control characters are escaped, and every byte that
/// belongs to no character becomes U+FFFD.
/// Source: RFC 8259, section 7.
std::string json_text(std::string_view text);

/// Text of an XML element or attribute: UTF-8 is kept, markup is escaped; control characters, which XML cannot hold, and
/// bytes that belong to no character become U+FFFD.
std::string xml_text(std::string_view text);

}  // namespace rlx
