// SPDX-License-Identifier: Apache-2.0
// A recording of what the runtime did and when: loading, passes, specializing, compiling, packing, every run, and inside
// a run every op where the backend says. Written as a trace file that Perfetto (ui.perfetto.dev) and chrome://tracing open.
#pragma once

#include <rlx/host/result.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace rlx {

class TraceRecorder;

struct TraceOptions {
  bool ops = true;                      ///< slices of single ops inside runs, where the backend offers rlx.profile/1
  std::size_t most_slices = 1'000'000;  ///< what comes later is counted and dropped
};

/// Hand it to RuntimeOptions::trace; everything that the runtime makes then records here. Off (null) costs one comparison
/// a call. Cheap to copy; usable from any thread.
class RLX_API Trace {
 public:
  /// Records nothing.
  Trace() = default;
  static Trace record(const TraceOptions& options = {});
  bool on() const { return recorder_ != nullptr; }

  /// A slice of the host's own on the calling thread, from now to the end of the object; nests like the code does.
  class RLX_API Slice {
   public:
    Slice(const Trace& trace, std::string_view name, std::string_view category = "host");
    ~Slice();
    Slice(const Slice&) = delete;
    Slice& operator=(const Slice&) = delete;

   private:
    std::shared_ptr<TraceRecorder> recorder_;
    std::string name_, category_;
    std::uint64_t begin_ns_ = 0;
  };

  std::size_t slices() const;
  std::size_t dropped() const;
  /// JSON in Chrome's trace event format: complete events (ph X) in microseconds, by begin; longer ones first.
  std::string to_json() const;
  /// Over what is there. Errors: kFileUnwritable.
  Status write(const std::string& path) const;

  const std::shared_ptr<TraceRecorder>& recorder() const { return recorder_; }

 private:
  std::shared_ptr<TraceRecorder> recorder_;
};

}  // namespace rlx
