// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/shared/protocol.h"

#include <gtest/gtest.h>

namespace rlx::conform {
namespace {

std::string frame(FrameKind kind, const std::string& payload) {
  const FrameHead head{kFrameMagic, static_cast<std::uint32_t>(kind), static_cast<std::uint32_t>(payload.size())};
  return std::string(reinterpret_cast<const char*>(&head), sizeof head) + payload;
}

TEST(FrameReader, TakesBytesInAnyPortions) {
  const std::string bytes = frame(FrameKind::kPhase, "load") + frame(FrameKind::kEnd, "");
  for (std::size_t portion = 1; portion <= bytes.size(); ++portion) {
    FrameReader reader;
    std::vector<Frame> frames;
    for (std::size_t at = 0; at < bytes.size(); at += portion)
      EXPECT_TRUE(reader.feed(bytes.data() + at, std::min(portion, bytes.size() - at), frames));
    ASSERT_EQ(frames.size(), 2u) << portion;
    EXPECT_EQ(frames[0].payload, "load");
    EXPECT_EQ(frames[1].kind, FrameKind::kEnd);
  }
}

TEST(FrameReader, StopsAtRubbishAndKeepsWhatCameBefore) {
  FrameReader reader;
  std::vector<Frame> frames;
  const std::string bytes = frame(FrameKind::kPhase, "load") + "printf from a plugin" + frame(FrameKind::kEnd, "");
  EXPECT_FALSE(reader.feed(bytes.data(), bytes.size(), frames));
  EXPECT_TRUE(reader.damaged());
  EXPECT_EQ(frames.size(), 1u);
}

TEST(FrameReader, RefusesUnknownKindsAndHugeFrames) {
  for (FrameHead head : {FrameHead{kFrameMagic, 99, 0}, FrameHead{kFrameMagic, 0, 0}, FrameHead{kFrameMagic, 2, 0xFFFFFFFFu}}) {
    FrameReader reader;
    std::vector<Frame> frames;
    EXPECT_FALSE(reader.feed(reinterpret_cast<const char*>(&head), sizeof head, frames));
    EXPECT_TRUE(frames.empty());
  }
}

TEST(Texts, CrossTogether) {
  const std::vector<std::string> texts = {"a", "", "b c"};
  EXPECT_EQ(split_texts(join_texts(texts)), texts);
}

}  // namespace
}  // namespace rlx::conform
