// SPDX-License-Identifier: Apache-2.0
// What the two ends of rlx-conform-carry say to each other: records of a kind and bytes, over any pair of pipes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace rlx::conform {

enum class Carried : std::uint32_t {
  kRequest = 1,   ///< of the worker, its texts joined by NUL; the plugin's path is the one there, or empty where it is carried
  kVariable,      ///< NAME=VALUE of the worker's environment
  kPlugin,        ///< NAME NUL bytes
  kRunFile,       ///< NAME NUL bytes, below the folder of the run
  kCaseFile,      ///< NAME NUL bytes, below the working folder of the case; the way back: written by the worker
  kGo,            ///< all is there: start
  kStop,          ///< the worker is to be asked to end
  kReport,        ///< bytes of the worker's report
  kPrinted,       ///< bytes that it printed
  kEnded,         ///< CODE NUL SIGNAL NUL 1 where it left processes behind
  kProblem,       ///< why nothing could be run there
};

struct CarriedRecord {
  Carried kind;
  std::string bytes;
};

inline constexpr std::uint64_t kCarriedMost = std::uint64_t{4} << 30;

/// Blocks. False where the other end is gone.
bool send(int fd, Carried kind, const std::string& bytes);

/// Turns bytes in any portions into records.
class CarriedReader {
 public:
  void feed(const char* bytes, std::size_t count) { buffer_.append(bytes, count); }
  /// The next whole record.
  std::optional<CarriedRecord> next();
  /// What came is no stream of this kind: the shell there printed something, for example.
  bool damaged() const { return damaged_; }
  const std::string& rest() const { return buffer_; }

 private:
  std::string buffer_;
  bool damaged_ = false;
};

/// "NAME NUL bytes" in two.
std::pair<std::string, std::string> named_bytes(const std::string& record);

}  // namespace rlx::conform
