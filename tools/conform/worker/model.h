// SPDX-License-Identifier: Apache-2.0
// A small image on its way through the plugin: compile, params, context, run. Every tensor and arena lies against a
// forbidden page; outputs are filled before each run, so that what is not written shows.
#pragma once

#include <rlx/lir.h>

#include <memory>
#include <string>
#include <vector>

#include "tools/conform/worker/memory.h"
#include "tools/conform/worker/session.h"

namespace rlx::conform {

/// What the image says of an input, output or param.
struct TensorInfo {
  std::string name;
  std::uint32_t dtype = 0;
  std::vector<std::int64_t> dims;
  std::uint64_t bytes = 0;
  std::uint32_t set_index = 0;  ///< params
};

/// The tables of an image, read by the header's reader.
struct ImageInfo {
  std::vector<TensorInfo> inputs, outputs, params;
  std::uint64_t ops = 0;
  std::vector<rlx_lir_state> states;
  std::uint32_t param_entries = 0;  ///< greatest set index + 1
  bool good = false;
};
ImageInfo image_info(const ImageBytes& image);

/// Small integers that tell their place: exact in every dtype of the contract and different for every seed.
void fill_exact(const TensorInfo& tensor, std::uint64_t seed, unsigned char* out);
/// As fill_exact, but floats lie in [-1, 1) with every bit of their mantissa in use: sums depend on their order.
void fill_rough(const TensorInfo& tensor, std::uint64_t seed, unsigned char* out);
/// Bytes of an element; 1 where the dtype has none.
std::size_t element_bytes(std::uint32_t dtype);
/// Dense, over memory of the caller; null for 0 bytes.
rlx_view view_of(const TensorInfo& info, unsigned char* data);

/// Options of compile, as the file `options` of the case has them: a key and a value a line. None where there is no file.
class CompileOptions {
 public:
  static CompileOptions of_case();
  /// Valid while this is.
  std::vector<rlx_option> rows() const;

 private:
  std::vector<std::pair<std::string, std::string>> texts_;
};

class Model {
 public:
  /// `flush`: where params lie.
  Model(Session& session, ImageBytes image, Flush flush = Flush::kEnd);
  ~Model();
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  const ImageInfo& info() const { return info_; }
  const ImageBytes& image() const { return image_; }
  const CompileOptions& options() const { return options_; }
  /// True where every op is NATIVE; a failing query fails the case.
  bool native();
  /// Each of these fails the case where the plugin does not answer OK, and then returns false.
  /// `cpus`: the CPU numbers to stay on; empty: any.
  bool compile(std::uint32_t thread_limit = 0, const std::vector<std::uint32_t>& cpus = {}, const rlx_call* call = nullptr);
  /// Uses the executable and the set of another model, which outlives this one: for contexts side by side.
  void share(const Model& owner);
  bool prepare(const rlx_call* call = nullptr);  ///< creates, fills, seals and prepares a set where the image has params
  /// Prepares another model's set for this executable and uses it; that model outlives this one's runs.
  bool prepare_on(const Model& other);
  bool make_context(std::uint32_t thread_limit = 0);
  bool run(std::uint64_t seed = 1, const rlx_call* call = nullptr, std::int32_t wanted = RLX_STATUS_OK);
  /// compile, prepare, make_context, run.
  bool all(std::uint64_t seed = 1);
  /// Bytes of all outputs of the last run, one after the other.
  std::string outputs() const;
  /// The call itself, for checks that change something in it.
  rlx_execute_in execute_in(const rlx_call* call = nullptr);
  /// New inputs from the seed; outputs filled with a pattern.
  void fill(std::uint64_t seed);
  /// Inputs, or params, by bytes of the caller's instead of fill_exact.
  void set_input(std::size_t index, const std::string& bytes);
  void set_param(std::size_t index, const std::string& bytes);
  /// No slack byte around a tensor or arena was written. Counts one assertion.
  bool intact();
  void drop_context();
  void drop();  ///< context, set, executable

  rlx_executable* executable() const { return executable_; }
  /// Instead of compile(): destroyed by this model from now on.
  void adopt(rlx_executable* executable) { executable_ = executable; }
  rlx_context* context() const { return context_; }
  rlx_param_set* set() const { return borrowed_ ? borrowed_ : set_; }
  std::vector<rlx_view>& inputs() { return input_views_; }
  std::vector<rlx_view>& output_views() { return output_views_; }
  std::vector<rlx_arena>& arenas() { return arenas_; }
  Guarded& output_memory(std::size_t i) { return outputs_[i]; }
  Guarded& input_memory(std::size_t i) { return inputs_[i]; }
  Guarded& param_memory(std::size_t i) { return params_[i]; }

 private:
  bool put(std::uint32_t index);
  Session& session_;
  Run& run_;
  ImageBytes image_;
  ImageInfo info_;
  std::vector<Guarded> inputs_, outputs_, arena_memory_;
  std::vector<Guarded> params_;
  std::vector<rlx_view> input_views_, output_views_;
  std::vector<rlx_arena> arenas_;
  bool shared_ = false;
  rlx_executable* executable_ = nullptr;
  rlx_param_set* set_ = nullptr;
  rlx_param_set* borrowed_ = nullptr;
  rlx_context* context_ = nullptr;
  CompileOptions options_ = CompileOptions::of_case();
};

/// The first of the controller's small images that the plugin answers NATIVE for as a whole; null, and the case
/// unsupported, where there is none. `choices` empty: add, mul, copy in f32.
std::unique_ptr<Model> runnable(Session& session, const std::vector<std::string>& choices = {});

}  // namespace rlx::conform
