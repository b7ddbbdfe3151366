// SPDX-License-Identifier: Apache-2.0
// Recording slices, and writing them in Chrome's trace event format.
// Source: "Trace Event Format" of the Chromium project, complete and metadata events.
#include "runtime/execute/trace.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "runtime/base/check.h"
#include "runtime/base/utf8.h"
#include "runtime/execute/entry.h"

namespace rlx {
namespace {

std::string microseconds(std::uint64_t ns) {
  char text[40];
  std::snprintf(text, sizeof text, "%llu.%03llu", static_cast<unsigned long long>(ns / 1000), static_cast<unsigned long long>(ns % 1000));
  return text;
}

std::string event_json(const TraceEvent& event) {
  std::string text = join("{\"name\":", json_text(event.name), ",\"cat\":", json_text(event.category), ",\"ph\":\"X\",\"pid\":1,\"tid\":", event.track,
                          ",\"ts\":", microseconds(event.begin_ns), ",\"dur\":", microseconds(event.end_ns - event.begin_ns));
  if (!event.notes.empty()) {
    text += ",\"args\":{";
    for (std::size_t i = 0; i < event.notes.size(); ++i) text += join(i ? "," : "", json_text(event.notes[i].first), ":", json_text(event.notes[i].second));
    text += "}";
  }
  return text + "}";
}

}  // namespace

std::uint32_t TraceRecorder::own_track() {
  const std::lock_guard lock(mutex_);
  const auto [entry, fresh] = threads_.try_emplace(std::this_thread::get_id(), static_cast<std::uint32_t>(tracks_.size() + 1));
  if (fresh) tracks_.push_back(join("thread ", threads_.size()));
  return entry->second;
}

std::uint32_t TraceRecorder::backend_track(std::uint32_t index) {
  const std::lock_guard lock(mutex_);
  const auto [entry, fresh] = backend_tracks_.try_emplace(index, static_cast<std::uint32_t>(tracks_.size() + 1));
  if (fresh) tracks_.push_back(join("backend thread ", index));
  return entry->second;
}

void TraceRecorder::add(TraceEvent event) {
  const std::lock_guard lock(mutex_);
  if (events_.size() >= options_.most_slices) {
    dropped_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  events_.push_back(std::move(event));
}

TraceRecorder::Names TraceRecorder::names(std::pair<std::uint64_t, std::uint64_t> key, const std::function<std::vector<std::string>()>& make) {
  const std::lock_guard lock(mutex_);
  Names& names = names_[key];
  if (!names) names = std::make_shared<const std::vector<std::string>>(make());
  return names;
}

std::size_t TraceRecorder::size() const {
  const std::lock_guard lock(mutex_);
  return events_.size();
}

std::string TraceRecorder::to_json() const {
  const std::lock_guard lock(mutex_);
  std::vector<const TraceEvent*> order;
  for (const TraceEvent& event : events_) order.push_back(&event);
  // The longer of two that begin together encloses the other; of equals the one that ended last, which is later in the list.
  std::reverse(order.begin(), order.end());
  std::stable_sort(order.begin(), order.end(), [](const TraceEvent* a, const TraceEvent* b) {
    return a->begin_ns != b->begin_ns ? a->begin_ns < b->begin_ns : a->end_ns > b->end_ns;
  });
  std::string text = "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":1,\"args\":{\"name\":\"rlx\"}}";
  for (std::size_t i = 0; i < tracks_.size(); ++i)
    text += join(",\n{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":1,\"tid\":", i + 1, ",\"args\":{\"name\":", json_text(tracks_[i]), "}}");
  for (const TraceEvent* event : order) text += ",\n" + event_json(*event);
  return text + join("\n],\"otherData\":{\"dropped\":\"", dropped(), "\"}}\n");
}

void TraceSpan::begin(std::string_view name, std::string_view category) {
  event_.emplace();
  event_->name = name;
  event_->category = category;
  event_->track = recorder_->own_track();
  event_->begin_ns = recorder_->now_ns();
}

void TraceSpan::end() {
  event_->end_ns = recorder_->now_ns();
  try {
    recorder_->add(std::move(*event_));
  } catch (...) {  // without memory a slice is lost, and nothing else
  }
}

Trace Trace::record(const TraceOptions& options) {
  Trace trace;
  trace.recorder_ = std::make_shared<TraceRecorder>(options);
  return trace;
}

std::size_t Trace::slices() const {
  return look([&] { return recorder_ ? recorder_->size() : 0; });
}
std::size_t Trace::dropped() const { return recorder_ ? recorder_->dropped() : 0; }
std::string Trace::to_json() const {
  const InsideRuntime inside;
  return recorder_ && !InsideRuntime::is_refused() ? recorder_->to_json() : TraceRecorder({}).to_json();
}

Status Trace::write(const std::string& path) const {
  return entry([&]() -> Status {
    const std::string text = to_json();
    std::FILE* file = std::fopen(path.c_str(), "wb");
    if (!file) return fail(ErrorCode::kFileUnwritable, "cannot write `", path, "`: ", std::strerror(errno));
    const bool whole = std::fwrite(text.data(), 1, text.size(), file) == text.size();
    if (std::fclose(file) != 0 || !whole) return fail(ErrorCode::kFileUnwritable, "`", path, "` could not be written to its end");
    return {};
  });
}

Trace::Slice::Slice(const Trace& trace, std::string_view name, std::string_view category)
    : recorder_(trace.recorder()), name_(recorder_ ? name : ""), category_(recorder_ ? category : ""), begin_ns_(recorder_ ? recorder_->now_ns() : 0) {}

Trace::Slice::~Slice() {
  if (!recorder_) return;
  const InsideRuntime inside;
  if (InsideRuntime::is_refused()) return;
  try {
    recorder_->add({std::move(name_), std::move(category_), begin_ns_, recorder_->now_ns(), recorder_->own_track(), {}});
  } catch (...) {  // without memory a slice is lost, and nothing else
  }
}

}  // namespace rlx
