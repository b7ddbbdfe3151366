// SPDX-License-Identifier: Apache-2.0
// One context of a compiled model with tensors and arenas of its own, laid out as a check wants them. Several lanes of one
// model run beside one another; lanes of several models may share arenas.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tools/conform/worker/model.h"

namespace rlx::conform {

/// How memory lies, and what is in it where nothing has been written.
struct Layout {
  Flush flush = Flush::kMiddle;
  unsigned char slack = 0xC5;      ///< beside tensors and arenas
  unsigned char unwritten = 0xBD;  ///< in outputs before a run
  unsigned char arena = 0xA7;      ///< in arenas before a run
};

/// Arenas that fit every executable of a list: of each index the most bytes and the strictest alignment.
class Arenas {
 public:
  Arenas(Session& session, const std::vector<const Model*>& models, const Layout& layout);
  /// False where an executable could not say what it wants; the case has then failed.
  bool good() const { return good_; }
  std::size_t count() const { return memory_.size(); }
  Guarded& memory(std::size_t i) { return memory_[i]; }
  void fill(unsigned char byte);
  bool intact() const;

 private:
  bool good_ = true;
  std::vector<Guarded> memory_;
};

/// What a context of the executable is lent. False where that cannot be had.
bool arena_infos(Session& session, rlx_executable* executable, std::vector<rlx_arena_info>& out);

class Lane {
 public:
  /// The model is compiled and, where it has params, prepared.
  Lane(Session& session, Model& model, Layout layout = {});
  ~Lane();
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  /// A context on arenas of its own, or on others'. Fails the case where there is none.
  bool open();
  bool open(std::shared_ptr<Arenas> arenas, std::uint32_t thread_limit = 0);
  void close();

  /// Inputs by fill_exact or fill_rough.
  void fill(std::uint64_t seed, bool rough = false);
  void set_input(std::size_t i, const std::string& bytes);
  /// Fills outputs that are no state, and arenas.
  void poison(const Layout& layout);
  void poison() { poison(layout_); }
  /// poison() and a run.
  bool run();
  /// A run alone; returns the plugin's status.
  std::int32_t execute();

  /// Bytes of all outputs, one after the other.
  std::string outputs() const;
  std::string output(std::size_t i) const;
  /// Bytes of all inputs that are no state.
  std::string inputs() const;
  /// Nothing beside tensors and arenas was written. Counts one assertion.
  bool intact();

  Guarded& input_memory(std::size_t i) { return *inputs_[i]; }
  Guarded& output_memory(std::size_t i) { return *outputs_[i]; }
  /// Another lane's state, or a state that is larger than this tensor, as this input and its pair.
  void share_input(std::size_t i, std::shared_ptr<Guarded> memory);
  std::shared_ptr<Guarded> shared_input(std::size_t i) { return inputs_[i]; }
  std::vector<rlx_view>& input_views() { return input_views_; }
  std::vector<rlx_view>& output_views() { return output_views_; }
  Arenas& arenas() { return *arenas_; }
  rlx_context* context() const { return context_; }
  const std::string& message() const { return message_; }

 private:
  bool is_state_input(std::size_t i) const;
  /// The input that an output is paired with, or -1.
  int pair_of(std::size_t output) const;

  Session& session_;
  Run& run_;
  Model& model_;
  Layout layout_;
  std::vector<std::shared_ptr<Guarded>> inputs_, outputs_;
  std::vector<rlx_view> input_views_, output_views_;
  std::shared_ptr<Arenas> arenas_;
  std::vector<rlx_arena> lent_;
  rlx_context* context_ = nullptr;
  std::string message_;
};

}  // namespace rlx::conform
