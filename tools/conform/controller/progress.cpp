// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/controller/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>

namespace rlx::conform {
namespace {

constexpr std::chrono::milliseconds kDrawEvery{200};
constexpr char kEmptyLine[] = "\r\x1b[K";

void put(int fd, const std::string& text) {
  // A terminal that is gone is nobody's loss.
  if (::write(fd, text.data(), text.size()) < 0) return;
}

std::size_t width_of(int fd) {
  winsize size{};
  return ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1u : 79u;
}

bool counts_as_failure(CaseStatus status) {
  return status == CaseStatus::kFail || status == CaseStatus::kCrash || status == CaseStatus::kHang || status == CaseStatus::kHarnessError;
}

}  // namespace

std::string progress_text(const std::string& group, std::uint64_t done, std::uint64_t all, std::uint64_t failed, std::uint64_t seconds,
                          std::size_t width) {
  char time[48];
  std::snprintf(time, sizeof time, "%llu:%02llu", static_cast<unsigned long long>(seconds / 60), static_cast<unsigned long long>(seconds % 60));
  std::string text = group + std::string(group.size() < 5 ? 5 - group.size() : 0, ' ') + " " + std::to_string(done) + " of " + std::to_string(all) +
                     " cases, " + std::to_string(failed) + " failed, " + time;
  return text.substr(0, width);
}

Progress::Progress(std::uint64_t all, int fd) : all_(all), fd_(fd), shown_(::isatty(fd) == 1) {
  if (!shown_) return;
  ticker_ = std::thread([this] {
    std::unique_lock lock(mutex_);
    while (!ends_) {
      draw();
      over_.wait_for(lock, kDrawEvery);
    }
    put(fd_, kEmptyLine);
  });
}

Progress::~Progress() {
  if (!shown_) return;
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  over_.notify_all();
  ticker_.join();
}

void Progress::take(const Outcome& outcome) {
  const std::lock_guard lock(mutex_);
  group_ = outcome.check.substr(0, outcome.check.find('-'));
  ++done_;
  failed_ += counts_as_failure(outcome.status);
}

void Progress::clear() {
  if (!shown_) return;
  const std::lock_guard lock(mutex_);
  put(fd_, kEmptyLine);
}

void Progress::draw() {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - begin_).count();
  put(fd_, kEmptyLine + progress_text(group_, done_, all_, failed_, static_cast<std::uint64_t>(seconds), width_of(fd_)));
}

}  // namespace rlx::conform
