// SPDX-License-Identifier: Apache-2.0
// What the conformance tool found about one file, in a file beside it: `plugin.so.rlxcert`, lines of text. It names the
// file by its hash, so that it says nothing of another one. No signature: whoever can write the folder can write one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/base/span.h"

namespace rlx {

inline constexpr int kLevelMost = 6;

struct Certificate {
  std::string file_hash;   ///< of all bytes of the file, 32 hexadecimal digits
  int level = 0;           ///< earned
  int checked_to = 0;      ///< the highest level of which something was run
  std::vector<std::string> waivers;  ///< ids of those that excused something
  std::string badges;      ///< joined by commas
  std::string profile;
  std::vector<std::string> seeds;
  std::string plugin, version, device, fingerprint;
  std::string tool, tool_hash;  ///< the conformance tool and its own file
  std::string strength;    ///< how many seeded defects the tool finds, and in which profile that was measured
  std::string environment; ///< names of the variables that the plugin was given beside the tool's own, joined by commas
  std::string cases;       ///< how many, and what became of them
  std::string date;        ///< "2026-11-22", UTC
};

/// Hash of a file's bytes, as certificates name it.
std::string certificate_hash(Bytes file);
/// `plugin.so` -> `plugin.so.rlxcert`.
std::filesystem::path certificate_path(const std::filesystem::path& plugin);

/// The lines, with a last one that shows whether any is missing or changed. Values are cut to one line each.
std::string certificate_text(const Certificate& certificate);
/// Lines with unknown keys are passed over. Errors: kInvalidArgument for what is no certificate, cut or changed.
Result<Certificate> parse_certificate(std::string_view text);

/// What is known of a plugin's file.
struct Certified {
  enum class State { kNone, kValid, kOtherFile, kDamaged };
  State state = State::kNone;
  Certificate certificate;  ///< where kValid
  std::string problem;      ///< where kDamaged
  /// 0 where there is no valid certificate.
  int level() const { return state == State::kValid ? certificate.level : 0; }
  /// "level 4, 2 waivers", "uncertified", "certificate is for another file", "certificate is damaged: …".
  std::string text() const;
};

/// Reads the certificate beside `plugin`, and the plugin's bytes to compare their hash. Runs no plugin code.
Certified certified(const std::filesystem::path& plugin);

}  // namespace rlx
