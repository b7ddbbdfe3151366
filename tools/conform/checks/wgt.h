// SPDX-License-Identifier: Apache-2.0
// The parts of the WGT group, and what they share: sources that tell when they are dropped, sets that are filled, sealed
// and prepared, and the results of the small models of numeric/wgt_images.h, computed here from their definition.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "tools/conform/checks/check.h"
#include "tools/conform/worker/model.h"

namespace rlx::conform {

/// Where the bytes of an entry are when they are put.
enum class Place : std::uint8_t { kHost, kUnaligned, kReadOnly, kBuffer };

/// The bytes of one entry, handed out with a drop function: once dropped, host bytes are forbidden, bytes of a buffer
/// overwritten by spoil().
class Source {
 public:
  Source(Session& session, const std::string& bytes, Place place);
  ~Source();
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  int drops() const { return drops_; }
  rlx_put_in put_in(const TensorInfo& info);
  void spoil();

 private:
  static void dropped(void* user);
  Session& session_;
  std::uint64_t size_, offset_ = 0;
  Guarded memory_;
  rlx_buffer* buffer_ = nullptr;
  bool spoiled_ = false;
  std::atomic<int> drops_{0};
};

/// Bytes of every param of an image, by its place in the params table: whole numbers from -2 to 2.
using Weights = std::vector<std::string>;
Weights random_weights(const ImageInfo& info, std::uint64_t seed);

/// A set of the plugin. Every call fails the case where it does not answer as wanted; `quiet` ones answer the status.
class Set {
 public:
  explicit Set(Session& session) : session_(session) {}
  ~Set();
  Set(const Set&) = delete;
  Set& operator=(const Set&) = delete;
  bool create(std::uint32_t count, const Set* base = nullptr);
  bool put(const TensorInfo& info, Source& source);
  bool seal();
  bool prepare(rlx_executable* executable);
  std::int32_t quiet_prepare(rlx_executable* executable);
  void release(rlx_executable* executable);
  void destroy();
  rlx_usage_out usage();
  rlx_param_set* get() const { return set_; }

 private:
  Session& session_;
  rlx_param_set* set_ = nullptr;
};

/// Sources and set of one version of the weights. The sources outlive the set.
class Version {
 public:
  Version(Session& session, const ImageInfo& info, Weights weights, Place place = Place::kHost);
  /// Creates, puts the entries of `indices` (all where empty) and seals. With a base, weights of other entries are the base's.
  bool fill(const std::vector<std::size_t>& indices = {}, const Version* base = nullptr);
  /// fill() in two steps.
  bool put(const std::vector<std::size_t>& indices = {}, const Version* base = nullptr);
  Set& set() { return *set_; }
  const Weights& weights() const { return weights_; }
  std::vector<std::unique_ptr<Source>>& sources() { return sources_; }
  void spoil();

 private:
  Session& session_;
  const ImageInfo& info_;
  Weights weights_;
  Place place_;
  std::vector<std::unique_ptr<Source>> sources_;
  std::unique_ptr<Set> set_;
};

/// What the model's output is for these inputs and weights, by definition: chains of two products, the plain chain, or
/// one product, told apart by their tables. `transposed`: a single product takes its weight transposed.
std::vector<double> weighted_result(const ImageInfo& info, const unsigned char* input, const Weights& weights, bool transposed = false);
/// The index of the first element of the output that is off by more than a quarter, or its count.
std::size_t first_wrong(const std::vector<double>& wanted, const unsigned char* output, std::uint32_t dtype);

/// A compiled model that runs on sets of others.
class Weighted {
 public:
  /// Null, and the case ended, where none of the images is NATIVE or one cannot be compiled.
  static std::unique_ptr<Weighted> open(Session& session, const std::vector<std::string>& images);
  /// Runs on the set of `version` and compares with its weights. `seed`: of the inputs.
  bool right(Version& version, std::uint64_t seed, const std::string& what);
  /// Runs, and looks at nothing: for what measures memory.
  bool runs(Version& version);
  Model& model() { return *model_; }
  const ImageInfo& info() const { return model_->info(); }
  rlx_executable* executable() const { return model_->executable(); }
  bool transposed = false;

 private:
  std::unique_ptr<Model> model_;
  Session* session_ = nullptr;
};

/// One more context of an executable, with tensors of its own, for a thread of its own.
class WeightLane {
 public:
  WeightLane(Session& session, const Weighted& of, std::uint64_t seed);
  ~WeightLane();
  WeightLane(const WeightLane&) = delete;
  WeightLane& operator=(const WeightLane&) = delete;
  bool made() const { return context_ != nullptr; }
  /// Empty where the run answers OK and is right for the weights. May be called from any thread, one at a time.
  std::string run(rlx_param_set* set, const Weights& weights);

 private:
  Session& session_;
  const ImageInfo& info_;
  std::vector<Guarded> arenas_;
  std::vector<rlx_arena> rows_;
  Guarded input_, output_;
  rlx_context* context_ = nullptr;
};

std::uint64_t used_bytes(Session& session);
/// Once the heap has given back what it does not need.
std::uint64_t resident_bytes();
/// The small chain in its three spellings; the big ones with `rows` rows in two.
std::vector<std::string> small_chains();
std::vector<std::string> big_chains(int rows);
/// For tables of checks: these keys where a device is usable.
std::vector<std::string> usable_keys(const Facts& facts, std::vector<std::string> keys);

// wgt_sources.cpp
std::vector<std::string> wgt_source_cases(const Facts& facts, Profile profile);
void wgt_sources(Run& run);
std::vector<std::string> wgt_wrong_cases(const Facts& facts, Profile profile);
void wgt_wrong(Run& run);
std::vector<std::string> wgt_key_cases(const Facts& facts, Profile profile);
void wgt_pack_keys(Run& run);
std::vector<std::string> wgt_table_cases(const Facts& facts, Profile profile);
void wgt_table(Run& run);
// wgt_sharing.cpp
std::vector<std::string> wgt_variant_cases(const Facts& facts, Profile profile);
void wgt_variants(Run& run);
std::vector<std::string> wgt_base_cases(const Facts& facts, Profile profile);
void wgt_bases(Run& run);
std::vector<std::string> wgt_run_cases(const Facts& facts, Profile profile);
void wgt_runs(Run& run);
std::vector<std::string> wgt_adapter_cases(const Facts& facts, Profile profile);
void wgt_adapters(Run& run);

}  // namespace rlx::conform
