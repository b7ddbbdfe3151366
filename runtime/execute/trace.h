// SPDX-License-Identifier: Apache-2.0
// The recorder behind rlx::Trace, and the span that the runtime's own code puts around its work: nothing but a comparison
// with null where nobody records.
#pragma once

#include <rlx/host/trace.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/base/result.h"

namespace rlx {

struct TraceEvent {
  std::string name, category;
  std::uint64_t begin_ns = 0, end_ns = 0;  ///< since the recorder was made
  std::uint32_t track = 0;                 ///< a thread
  std::vector<std::pair<std::string, std::string>> notes;
};

/// Thread-safe.
class TraceRecorder {
 public:
  explicit TraceRecorder(const TraceOptions& options) : options_(options), start_(std::chrono::steady_clock::now()) {}

  const TraceOptions& options() const { return options_; }
  std::uint64_t now_ns() const {
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - start_).count());
  }
  /// The calling thread's track.
  std::uint32_t own_track();
  /// Track of the backend's thread `index` (1 and more; 0 is the caller's own).
  std::uint32_t backend_track(std::uint32_t index);
  void add(TraceEvent event);
  /// What `make` gives, made once per key: names of the ops of an image, by its hash.
  using Names = std::shared_ptr<const std::vector<std::string>>;
  Names names(std::pair<std::uint64_t, std::uint64_t> key, const std::function<std::vector<std::string>()>& make);

  std::size_t size() const;
  std::size_t dropped() const { return dropped_.load(std::memory_order_relaxed); }
  std::string to_json() const;

 private:
  TraceOptions options_;
  std::chrono::steady_clock::time_point start_;
  std::atomic<std::size_t> dropped_ = 0;
  mutable std::mutex mutex_;
  std::vector<TraceEvent> events_;
  std::map<std::thread::id, std::uint32_t> threads_;
  std::vector<std::string> tracks_;  ///< their names
  std::map<std::uint32_t, std::uint32_t> backend_tracks_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, Names> names_;
};

/// From its making to its end, on the calling thread. `recorder` may be null.
class TraceSpan {
 public:
  TraceSpan(TraceRecorder* recorder, std::string_view name, std::string_view category) : recorder_(recorder) {
    if (recorder_) [[unlikely]] begin(name, category);
  }
  ~TraceSpan() {
    if (recorder_) [[unlikely]] end();
  }
  TraceSpan(const TraceSpan&) = delete;
  TraceSpan& operator=(const TraceSpan&) = delete;
  /// A fact shown beside the slice.
  template <class Value>
  void note(std::string_view key, const Value& value) {
    if (recorder_) [[unlikely]] event_->notes.emplace_back(key, join(value));
  }

 private:
  void begin(std::string_view name, std::string_view category);
  void end();
  TraceRecorder* recorder_;
  std::optional<TraceEvent> event_;  // nothing is made where nobody records
};

}  // namespace rlx
