// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/shared/protocol.h"

#include <cstring>

namespace rlx::conform {

std::string join_texts(const std::vector<std::string>& texts) {
  std::string out;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (i) out.push_back('\0');
    out += texts[i];
  }
  return out;
}

std::vector<std::string> split_texts(const std::string& payload) {
  std::vector<std::string> out(1);
  for (const char c : payload) {
    if (c == '\0')
      out.emplace_back();
    else
      out.back().push_back(c);
  }
  return out;
}

bool FrameReader::feed(const char* bytes, std::size_t count, std::vector<Frame>& out) {
  if (damaged_) return false;
  buffer_.append(bytes, count);
  std::size_t at = 0;
  while (buffer_.size() - at >= sizeof(FrameHead)) {
    FrameHead head;
    std::memcpy(&head, buffer_.data() + at, sizeof head);
    const bool known = head.kind >= static_cast<std::uint32_t>(FrameKind::kBegin) &&
                       head.kind <= static_cast<std::uint32_t>(FrameKind::kFault);
    if (head.magic != kFrameMagic || !known || head.bytes > kFrameBytesMax) {
      damaged_ = true;
      break;
    }
    if (buffer_.size() - at - sizeof head < head.bytes) break;
    out.push_back({static_cast<FrameKind>(head.kind), buffer_.substr(at + sizeof head, head.bytes)});
    at += sizeof head + head.bytes;
  }
  buffer_.erase(0, at);
  return !damaged_;
}

}  // namespace rlx::conform
