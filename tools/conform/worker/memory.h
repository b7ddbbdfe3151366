// SPDX-License-Identifier: Apache-2.0
// Memory that tells: bytes flush against a page that nobody may touch, with a pattern in what slack is left.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rlx::conform {

/// Tensors of so many bytes are filled by nobody: they stay zeros.
inline constexpr std::size_t kLargeBytes = std::size_t{1} << 28;

enum class Flush : std::uint8_t {
  kEnd,   ///< the last byte lies before the forbidden page: reading or writing on is a crash
  kBegin,  ///< the first byte lies after it
  kMiddle,  ///< half a kilobyte of pattern on either side, so that what strays a little shows instead of crashing
  kExact    ///< as kEnd, but never better aligned than asked for
};

class Guarded {
 public:
  /// `alignment`: a power of two up to a page; kEnd leaves at most alignment - 1 bytes of slack.
  /// `slack`: the pattern beside the bytes.
  explicit Guarded(std::size_t bytes, std::size_t alignment = 1, Flush flush = Flush::kEnd, unsigned char slack = 0xC5);
  ~Guarded();
  Guarded(Guarded&& other) noexcept;
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;
  Guarded& operator=(Guarded&&) = delete;

  unsigned char* data() const { return data_; }
  std::size_t size() const { return bytes_; }
  void fill(unsigned char byte);
  /// Bytes between, or from, may not be written any more (whole mapping); or may again.
  void read_only(bool on);
  /// Nothing may be touched any more.
  void forbid();
  /// Another pattern beside the bytes.
  void set_slack(unsigned char byte);
  /// The slack still has its pattern.
  bool intact() const;

 private:
  unsigned char* map_ = nullptr;
  unsigned char* pages_ = nullptr;
  unsigned char* data_ = nullptr;
  std::size_t bytes_ = 0, page_bytes_ = 0;
  unsigned char slack_ = 0;
};

}  // namespace rlx::conform
