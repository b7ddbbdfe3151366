// SPDX-License-Identifier: Apache-2.0
// Calls that must fail, each with the status that the contract gives it: what the ERR group looks at from all sides.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tools/conform/worker/slots.h"

namespace rlx::conform {

struct BadCall {
  std::string name;
  std::int32_t wanted;
  std::function<std::int32_t(rlx_error* error)> call;
  std::string names;  ///< what the message must hold, or empty
};

/// On the objects of the bench, which outlive the list.
std::vector<BadCall> bad_calls(Bench& bench);

/// The image under another name: hashes of its own, so that no answer is remembered for it.
ImageBytes renamed(const ImageBytes& image);
/// An image with bytes changed; past the header it is renamed too.
ImageBytes with_bytes(const ImageBytes& image, std::uint64_t offset, const void* bytes, std::size_t count);
template <class Number>
ImageBytes with_number(const ImageBytes& image, std::uint64_t offset, Number number) {
  return with_bytes(image, offset, &number, sizeof number);
}
/// Offset of record `index` of a section, or the image's size where there is none.
std::uint64_t record_offset(const ImageBytes& image, std::uint32_t kind, std::uint64_t index);

/// Both calls of rlx.compile/1 with an image; what compiles is destroyed at once.
std::int32_t query_image(Session& session, const ImageBytes& image, std::vector<rlx_verdict>* verdicts, rlx_error* error);
std::int32_t compile_image(Session& session, const ImageBytes& image, rlx_error* error);

/// True for text that is valid UTF-8.
bool is_utf8(const std::string& text);

}  // namespace rlx::conform
