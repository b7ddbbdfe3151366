// SPDX-License-Identifier: Apache-2.0
// Sums over holders, and the sentence that says what to drop.
#include "runtime/execute/memory.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace rlx {
namespace {

constexpr std::chrono::milliseconds kLookEvery{5};

Status check_call(const rlx_call* call) {
  if (!call) return {};
  if (call->poll && call->poll(call->user, -1) != 0) return fail(ErrorCode::kCancelled, "prepare: stopped by the caller");
  const auto now = std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
  if (call->deadline_ns && static_cast<std::uint64_t>(now) >= call->deadline_ns)
    return fail(ErrorCode::kDeadline, "prepare: past its deadline");
  return {};
}

std::string mib(std::uint64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f MiB", static_cast<double>(bytes) / (1 << 20));
  return text;
}

}  // namespace

void MemoryAccount::add(MemoryHolder& holder) {
  const std::lock_guard lock(mutex_);
  holders_.push_back(&holder);
}

void MemoryAccount::remove(MemoryHolder& holder) {
  const std::lock_guard lock(mutex_);
  std::erase(holders_, &holder);
}

MemoryReport MemoryAccount::report() const {
  const std::lock_guard lock(mutex_);
  return held();
}

MemoryReport MemoryAccount::held() const {
  MemoryReport report;
  report.budget_bytes = budget_bytes_;
  for (const MemoryHolder* holder : holders_) {
    MemoryItem item = holder->held();
    report.source_bytes += item.source_bytes;
    report.packed_bytes += item.packed_bytes;
    report.arena_bytes += item.arena_bytes;
    report.idle_arena_bytes += item.idle_arena_bytes;
    report.state_bytes += item.state_bytes;
    if (item.bytes()) report.items.push_back(std::move(item));
  }
  std::stable_sort(report.items.begin(), report.items.end(), [](const MemoryItem& a, const MemoryItem& b) { return a.bytes() > b.bytes(); });
  return report;
}

std::uint64_t MemoryAccount::trim() {
  const std::lock_guard lock(mutex_);
  return give_back();
}

std::uint64_t MemoryAccount::give_back() {
  std::uint64_t bytes = 0;
  for (MemoryHolder* holder : holders_) bytes += holder->trim();
  return bytes;
}

bool MemoryAccount::fits(std::uint64_t bytes, const MemoryReport& held) const {
  return held.bytes() <= budget_bytes_ && reserved_bytes_ <= budget_bytes_ - held.bytes() &&
         bytes <= budget_bytes_ - held.bytes() - reserved_bytes_;
}

MemoryAccount::Reservation MemoryAccount::reserve(std::uint64_t bytes) {
  reserved_bytes_ += bytes;
  return Reservation(*this, bytes);
}

Result<MemoryAccount::Reservation> MemoryAccount::admit(std::uint64_t bytes, std::string_view what) {
  if (!budget_bytes_) return Reservation();
  const std::lock_guard lock(mutex_);
  MemoryReport report = held();
  if (fits(bytes, report)) return reserve(bytes);
  if (report.idle_arena_bytes && give_back() && fits(bytes, report = held())) return reserve(bytes);
  return refuse(bytes, what, report);
}

std::optional<MemoryAccount::Reservation> MemoryAccount::admit_beside_all(std::uint64_t bytes) {
  if (!budget_bytes_) return Reservation();
  const std::lock_guard lock(mutex_);
  if (!fits(bytes, held())) return std::nullopt;
  return reserve(bytes);
}

Result<MemoryAccount::PackingTurn> MemoryAccount::packing_turn(const rlx_call* call) {
  if (!budget_bytes_) return PackingTurn();
  std::unique_lock lock(packing_mutex_);
  while (packing_) {
    lock.unlock();
    RLX_TRY(check_call(call));
    lock.lock();
    packed_->wait_for(lock, kLookEvery, [this] { return !packing_; });
  }
  packing_ = true;
  return PackingTurn(*this);
}

MemoryAccount::PackingTurn::~PackingTurn() {
  if (!account_) return;
  {
    const std::lock_guard lock(account_->packing_mutex_);
    account_->packing_ = false;
  }
  account_->packed_->notify_one();
}

Error MemoryAccount::refuse(std::uint64_t bytes, std::string_view what, const MemoryReport& report) const {
  std::string text = join("the memory budget of ", mib(budget_bytes_), " does not hold ", what);
  if (bytes) text += join(", ", mib(bytes), " more");
  text += join("; held: weights ", mib(report.source_bytes), ", packed weights ", mib(report.packed_bytes), ", arenas ", mib(report.arena_bytes), ", states ",
               mib(report.state_bytes));
  if (reserved_bytes_) text += join(", being made by other calls ", mib(reserved_bytes_));
  std::string drop;
  const auto suggest = [&](const std::string& what_to_do) { drop += (drop.empty() ? "" : ", or ") + what_to_do; };
  if (report.packed_bytes) suggest("drop variants (clear(), a smaller capacity), whose packed weights go with them");
  if (report.arena_bytes) suggest("run fewer calls at once or smaller shapes, which need fewer arenas");
  if (report.state_bytes) suggest("end contexts, or make them with a smaller capacity");
  for (const MemoryItem& item : report.items)
    if (item.source_bytes && report.items.size() > 1) {
      suggest(join("drop ", item.what, " (", mib(item.bytes()), "; remove_template())"));
      break;
    }
  suggest("raise RuntimeOptions::memory_budget_bytes");
  return fail(ErrorCode::kOutOfMemory, text, ": ", drop);
}

}  // namespace rlx
