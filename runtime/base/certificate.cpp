// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/certificate.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <map>

#include "runtime/base/file.h"
#include "runtime/base/hash.h"

namespace rlx {
namespace {

constexpr std::string_view kFirstLine = "rlx-certificate 1\n";
constexpr std::string_view kLastKey = "check: ";
constexpr std::size_t kBytesMost = 64 * 1024;
constexpr std::size_t kValueMost = 400;

Bytes bytes_of(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }

std::string hash_of(std::string_view text) { return hex(hash_bytes(bytes_of(text))); }

const std::map<std::string_view, std::string Certificate::*>& text_keys() {
  static const std::map<std::string_view, std::string Certificate::*> keys = {
      {"file_hash", &Certificate::file_hash}, {"badges", &Certificate::badges},       {"profile", &Certificate::profile},
      {"plugin", &Certificate::plugin},       {"version", &Certificate::version},     {"device", &Certificate::device},
      {"fingerprint", &Certificate::fingerprint}, {"tool", &Certificate::tool},       {"tool_hash", &Certificate::tool_hash},
      {"strength", &Certificate::strength},   {"cases", &Certificate::cases},         {"environment", &Certificate::environment},
               {"date", &Certificate::date}};
  return keys;
}

std::string line(std::string_view key, std::string_view value) {
  std::string out = join(key, ": ", value.substr(0, kValueMost), "\n");
  for (char& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  out.back() = '\n';
  return out;
}

Status take_level(std::string_view key, std::string_view value, int& out) {
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), out);
  if (error != std::errc() || end != value.data() + value.size() || out < 0 || out > kLevelMost)
    return fail(ErrorCode::kInvalidArgument, key, " is `", value.substr(0, 20), "`, wanted 0 to ", kLevelMost);
  return {};
}

Status take(std::string_view key, std::string_view value, Certificate& out) {
  if (key == "level") return take_level(key, value, out.level);
  if (key == "checked_to") return take_level(key, value, out.checked_to);
  if (key == "waiver") out.waivers.emplace_back(value);
  if (key == "seed") out.seeds.emplace_back(value);
  if (const auto found = text_keys().find(key); found != text_keys().end()) out.*found->second = value;
  return {};
}

/// Every byte of the file, as long as it is one that a certificate may have.
Result<std::string> read_short(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kBytesMost + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  if (!file.is_open() || file.bad()) return fail(ErrorCode::kFileUnreadable, "it cannot be read");
  if (text.size() > kBytesMost) return fail(ErrorCode::kInvalidArgument, "it is longer than ", kBytesMost, " bytes");
  return text;
}

}  // namespace

std::string certificate_hash(Bytes file) { return hex(hash_bytes(file)); }

std::filesystem::path certificate_path(const std::filesystem::path& plugin) { return plugin.string() + ".rlxcert"; }

std::string certificate_text(const Certificate& certificate) {
  std::string text(kFirstLine);
  for (const std::string_view key : {"plugin", "version", "file_hash"}) text += line(key, certificate.*text_keys().at(key));
  text += line("level", std::to_string(certificate.level)) + line("checked_to", std::to_string(certificate.checked_to));
  for (const std::string& id : certificate.waivers) text += line("waiver", id);
  for (const std::string_view key : {"badges", "profile"}) text += line(key, certificate.*text_keys().at(key));
  for (const std::string& seed : certificate.seeds) text += line("seed", seed);
  if (!certificate.environment.empty()) text += line("environment", certificate.environment);
  for (const std::string_view key : {"cases", "device", "fingerprint", "tool", "tool_hash", "strength", "date"})
    text += line(key, certificate.*text_keys().at(key));
  return text + std::string(kLastKey) + hash_of(text) + "\n";
}

Result<Certificate> parse_certificate(std::string_view text) {
  if (!text.starts_with(kFirstLine)) return fail(ErrorCode::kInvalidArgument, "its first line is not `", kFirstLine.substr(0, kFirstLine.size() - 1), "`");
  const std::size_t last = text.rfind(std::string("\n") + std::string(kLastKey));
  if (last == text.npos || text.substr(last + 1) != std::string(kLastKey) + hash_of(text.substr(0, last + 1)) + "\n")
    return fail(ErrorCode::kInvalidArgument, "its last line does not fit the others: it was cut or changed");
  Certificate out;
  for (std::size_t at = kFirstLine.size(); at <= last;) {
    const std::size_t end = text.find('\n', at), colon = text.find(": ", at);
    if (colon < end) RLX_TRY(take(text.substr(at, colon - at), text.substr(colon + 2, end - colon - 2), out));
    at = end + 1;
  }
  if (out.file_hash.empty()) return fail(ErrorCode::kInvalidArgument, "it names no file");
  return out;
}

std::string Certified::text() const {
  switch (state) {
    case State::kNone:
      return "uncertified";
    case State::kOtherFile:
      return "certificate is for another file";
    case State::kDamaged:
      return "certificate is damaged: " + problem;
    case State::kValid:
      break;
  }
  std::string out = "level " + std::to_string(certificate.level);
  if (const std::size_t count = certificate.waivers.size()) out += join(", ", count, count == 1 ? " waiver" : " waivers");
  if (!certificate.badges.empty()) out += ", " + certificate.badges;
  return out;
}

Certified certified(const std::filesystem::path& plugin) {
  Certified out;
  std::error_code error;
  const std::filesystem::path path = certificate_path(plugin);
  if (!std::filesystem::is_regular_file(path, error)) return out;
  const auto damaged = [&](const Error& why) {
    out.state = Certified::State::kDamaged;
    out.problem = why.message();
    return out;
  };
  const auto text = read_short(path);
  if (!text) return damaged(text.error());
  auto parsed = parse_certificate(*text);
  if (!parsed) return damaged(parsed.error());
  const auto file = MappedFile::open(plugin);
  if (!file) return damaged(file.error());
  if (certificate_hash((*file)->bytes()) != parsed->file_hash) {
    out.state = Certified::State::kOtherFile;
    return out;
  }
  out.state = Certified::State::kValid;
  out.certificate = std::move(*parsed);
  return out;
}

}  // namespace rlx
