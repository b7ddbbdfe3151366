// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/worker/run.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>

#include "tools/conform/shared/registry_table.h"
#include "tools/conform/worker/frames.h"

namespace rlx::conform {
namespace {

constexpr std::uint64_t kFailuresShown = 8;

bool read_file(const std::string& path, std::string& out) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return false;
  out.assign(std::istreambuf_iterator<char>(file), {});
  return true;
}

Facts read_facts(const std::string& path) {
  std::string bytes, line;
  std::vector<std::string> lines;
  if (!read_file(path, bytes)) return {};
  std::istringstream stream(bytes);
  while (std::getline(stream, line)) lines.push_back(line);
  return facts_from_lines(lines);
}

}  // namespace

std::string text(const char* format, ...) {
  char buffer[1024];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(buffer, sizeof buffer, format, arguments);
  va_end(arguments);
  return buffer;
}

std::string number(std::uint64_t value) { return std::to_string(value); }

ImageBytes::ImageBytes(const std::string& bytes) : words_((bytes.size() + 7) / 8), size_(bytes.size()) {
  if (size_) std::memcpy(words_.data(), bytes.data(), size_);
}

Run::Run(RunRequest request) : request_(std::move(request)), facts_(read_facts(request_.run_folder + "/facts")) {
  write_frame(FrameKind::kBegin, request_.check + "/" + request_.key);
}

std::string Run::folder() const {
  char buffer[4096];
  return getcwd(buffer, sizeof buffer) ? buffer : ".";
}

std::string Run::phase() {
  const std::lock_guard lock(mutex_);
  return phase_;
}

void Run::phase(const char* name) {
  const std::lock_guard lock(mutex_);
  phase_ = name;
  set_phase(name);
  write_frame(FrameKind::kPhase, name);
}

bool Run::expect(bool good, const std::string& wanted, const std::string& seen) {
  const std::lock_guard lock(mutex_);
  ++assertions_;
  if (good) return true;
  if (++failures_ <= kFailuresShown) write_frame(FrameKind::kFail, join_texts({wanted, seen, phase_}));
  return false;
}

bool Run::equal(const std::string& what, std::uint64_t seen, std::uint64_t wanted) {
  if (seen == wanted) return expect(true, {}, {});
  return expect(false, what + " is " + number(wanted), number(seen));
}

bool Run::status(const std::string& what, std::int32_t seen, std::int32_t wanted, const char* message) {
  if (seen == wanted) return expect(true, {}, {});
  std::string saw = std::string(status_name(seen)) + " (" + std::to_string(seen) + ")";
  if (message && *message) saw += text(": %.300s", message);
  return expect(false, what + " answers " + status_name(wanted), saw);
}

bool Run::same_bytes(const std::string& what, const void* seen, const void* wanted, std::uint64_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    elements_ += bytes;
  }
  if (!bytes || !std::memcmp(seen, wanted, bytes)) return expect(true, {}, {});
  const auto* a = static_cast<const unsigned char*>(seen);
  const auto* b = static_cast<const unsigned char*>(wanted);
  std::uint64_t at = 0;
  while (a[at] == b[at]) ++at;
  return expect(false, text("%s: byte %llu is 0x%02x", what.c_str(), static_cast<unsigned long long>(at), b[at]),
                text("0x%02x", a[at]));
}

void Run::skip(const std::string& why) { write_frame(FrameKind::kSkip, why); }
void Run::unsupported(const std::string& why) { write_frame(FrameKind::kUnsupported, why); }
void Run::weak(const std::string& why) { write_frame(FrameKind::kWeak, why); }
void Run::note(const std::string& what) { write_frame(FrameKind::kNote, what); }
void Run::fault(const std::string& why) { write_frame(FrameKind::kFault, why); }

ImageBytes Run::image(const std::string& name) {
  std::string bytes;
  if (read_file(request_.run_folder + "/images/" + name + ".lir", bytes)) return ImageBytes(bytes);
  fault("the image " + name + " of the run's folder cannot be read");
  return {};
}

bool Run::take_file(const std::string& name, std::string& out) {
  if (read_file(name, out)) return true;
  fault("the case's file " + name + " cannot be read");
  return false;
}

bool Run::leave_file(const std::string& name, std::string_view bytes) {
  std::ofstream file(name, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (file.flush()) return true;
  fault("the case's file " + name + " of " + number(bytes.size()) + " bytes cannot be written: is the temporary folder full?");
  return false;
}

std::vector<std::string> Run::image_names() const {
  std::vector<std::string> names;
  DIR* folder = opendir((request_.run_folder + "/images").c_str());
  while (folder) {
    const dirent* entry = readdir(folder);
    if (!entry) break;
    const std::string name = entry->d_name;
    if (name.size() > 4 && name.ends_with(".lir") && !name.starts_with("scene.")) names.push_back(name.substr(0, name.size() - 4));
  }
  if (folder) closedir(folder);
  std::sort(names.begin(), names.end());
  return names;
}

void Run::end() {
  if (failures_ > kFailuresShown) note(text("%llu further failures", static_cast<unsigned long long>(failures_ - kFailuresShown)));
  const std::uint64_t counts[2] = {assertions_, elements_};
  write_frame(FrameKind::kCounts, {reinterpret_cast<const char*>(counts), sizeof counts});
  write_frame(FrameKind::kEnd, "");
}

}  // namespace rlx::conform
