// SPDX-License-Identifier: Apache-2.0
// The stream that a worker writes and the controller reads: frames of a fixed head and a payload, so that the
// controller knows which call was in flight when a worker ends without a word.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace rlx::conform {

inline constexpr int kReportFd = 3;
inline constexpr std::uint32_t kFrameMagic = 0x46434c52;  // "RLCF"
inline constexpr std::uint32_t kFrameBytesMax = 1u << 20;

enum class FrameKind : std::uint32_t {
  kBegin = 1,    ///< id of the case
  kPhase,        ///< what is being called from now on
  kFact,         ///< a line of the survey, or of the catalogue
  kFail,         ///< wanted, seen, phase
  kSkip,         ///< a precondition that does not hold
  kUnsupported,  ///< an ability or claim that the plugin does not offer
  kWeak,         ///< why what ran proves little
  kNote,         ///< for a person
  kCounts,       ///< two u64: assertions, elements compared
  kCrash,        ///< text of the signal handler: signal, address, addresses of the stack
  kEnded,        ///< the plugin called abort or exit
  kEnd,          ///< the case has run to its end
  kFault,        ///< why the tool itself, not the plugin, is at fault
};

struct FrameHead {
  std::uint32_t magic;
  std::uint32_t kind;
  std::uint32_t bytes;
};

struct Frame {
  FrameKind kind;
  std::string payload;
};

/// Texts joined by NUL.
std::string join_texts(const std::vector<std::string>& texts);
std::vector<std::string> split_texts(const std::string& payload);

/// Turns bytes in any portions into frames.
class FrameReader {
 public:
  /// False where the stream is damaged; what came before is kept.
  bool feed(const char* bytes, std::size_t count, std::vector<Frame>& out);
  bool damaged() const { return damaged_; }

 private:
  std::string buffer_;
  bool damaged_ = false;
};

}  // namespace rlx::conform
