// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/controller/judge.h"

#include <cstring>

namespace rlx::conform {
namespace {

struct Seen {
  bool end = false;
  std::string skip, unsupported, weak, ended, fault;
};

void take(const Frame& frame, Outcome& outcome, Seen& seen) {
  switch (frame.kind) {
    case FrameKind::kFail: {
      auto texts = split_texts(frame.payload);
      texts.resize(3);
      outcome.failures.push_back({texts[0], texts[1], texts[2]});
      break;
    }
    case FrameKind::kSkip:
      seen.skip = frame.payload;
      break;
    case FrameKind::kUnsupported:
      seen.unsupported = frame.payload;
      break;
    case FrameKind::kWeak:
      seen.weak = frame.payload;
      break;
    case FrameKind::kNote:
      outcome.notes.push_back(frame.payload);
      break;
    case FrameKind::kCounts:
      if (frame.payload.size() == 16) {
        std::memcpy(&outcome.assertions, frame.payload.data(), 8);
        std::memcpy(&outcome.elements, frame.payload.data() + 8, 8);
      }
      break;
    case FrameKind::kCrash:
      outcome.stack += frame.payload;
      break;
    case FrameKind::kEnded:
      seen.ended = frame.payload;
      break;
    case FrameKind::kFault:
      seen.fault = frame.payload;
      break;
    case FrameKind::kEnd:
      seen.end = true;
      break;
    default:
      break;
  }
}

std::string crash_reason(const ProcessResult& result, const Seen& seen) {
  std::string reason;
  if (result.signal)
    reason = "signal " + std::to_string(result.signal) + " (" + strsignal(result.signal) + ")";
  else
    reason = "the process ended with exit status " + std::to_string(result.code);
  reason += " in phase " + (result.phase.empty() ? "start" : result.phase);
  return seen.ended.empty() ? reason : reason + ": " + seen.ended;
}

}  // namespace

Outcome judge(const ProcessResult& result) {
  Outcome outcome;
  Seen seen;
  outcome.milliseconds = result.milliseconds;
  outcome.printed = result.printed;
  for (const Frame& frame : result.frames) take(frame, outcome, seen);
  if (!result.started) {
    outcome.status = CaseStatus::kHarnessError;
    outcome.reason = result.problem;
  } else if (!seen.fault.empty()) {
    outcome.status = CaseStatus::kHarnessError;
    outcome.reason = seen.fault;
  } else if (!result.flooded.empty()) {
    outcome.status = CaseStatus::kFail;
    outcome.failures.push_back({"nothing is written to the standard streams, nor to descriptors of the host",
                                result.flooded + " would not end; the first bytes: " + result.printed.substr(0, 100), result.phase});
  } else if (result.timed_out) {
    outcome.status = CaseStatus::kHang;
    outcome.reason = "no end in phase " + (result.phase.empty() ? "start" : result.phase);
  } else if (result.signal || result.code || !seen.end) {
    outcome.status = CaseStatus::kCrash;
    outcome.reason = crash_reason(result, seen);
  } else if (result.damaged) {
    outcome.status = CaseStatus::kFail;
    outcome.failures.push_back({"the plugin writes to no descriptor of the host", "the worker's report is damaged", result.phase});
  } else if (!outcome.failures.empty()) {
    outcome.status = CaseStatus::kFail;
  } else if (result.left_children) {
    outcome.status = CaseStatus::kFail;
    outcome.failures.push_back({"no process is left behind", "a child of the worker outlived it", result.phase});
  } else if (!seen.skip.empty() || !seen.unsupported.empty()) {
    outcome.status = seen.skip.empty() ? CaseStatus::kUnsupported : CaseStatus::kSkip;
    outcome.reason = seen.skip.empty() ? seen.unsupported : seen.skip;
    const auto texts = split_texts(outcome.reason);  // worker/refusal.cpp
    outcome.refused = seen.skip.empty() && texts.size() == 2 && texts[0] == "refused";
    if (outcome.refused) outcome.reason = texts[1];
  } else if (!seen.weak.empty() || !outcome.assertions) {
    outcome.status = CaseStatus::kWeak;
    outcome.reason = seen.weak.empty() ? "nothing was asserted" : seen.weak;
  } else {
    outcome.status = CaseStatus::kPass;
  }
  return outcome;
}

}  // namespace rlx::conform
