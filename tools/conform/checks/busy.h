// SPDX-License-Identifier: Apache-2.0
// Models with work in them, for the groups that look at threads, at stopping and at time. All of them compute whole
// numbers, whose results are the same bits in any order of summing.
#pragma once

#include <rlx/params.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tools/conform/checks/check.h"
#include "tools/conform/worker/model.h"

namespace rlx::conform {

double now_ms();
/// How long this thread has waited for a core since it began.
double waited_ms();
/// Time in which this thread ran or slept, but did not wait for a core: what a full machine takes is not the plugin's.
/// A thread that loses its core between the two looks at the clocks may see it run back a little.
double fair_ms();

/// Of the images with a little work in them, those that the plugin answers NATIVE for.
std::vector<std::string> native_mixes(Session& session);

/// Inputs of a busy image that keep its numbers whole: its `w`, if it has one, moves every column by one.
void fill_busy(Model& model, std::uint64_t seed);

struct Busy {
  std::unique_ptr<Model> model;  ///< compiled and prepared, with a context, run once
  double milliseconds = 0;       ///< of that run
  std::string right;             ///< bytes of its outputs
};
/// The smallest of the busy images that is NATIVE and runs for `milliseconds` at least, else the longest; none, and the
/// case unsupported, where none is NATIVE.
Busy busy_model(Session& session, double milliseconds);

/// Runs `body` on a thread with a stack of so many bytes; returns when it has ended.
void on_thread(std::size_t stack_bytes, const std::function<void()>& body);
/// Runs body(0) … body(count - 1) on as many threads; returns when all have ended.
void on_threads(unsigned count, const std::function<void(unsigned)>& body);

// Of prf_baseline.cpp.
std::vector<std::string> baseline_cases(const Facts& facts, Profile profile);
void prf_baseline(Run& run);

// Of con_process.cpp.
void con_fresh(Run& run);
void con_killed(Run& run);
void con_limits(Run& run);
void con_fork(Run& run);

}  // namespace rlx::conform
