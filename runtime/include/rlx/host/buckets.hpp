// SPDX-License-Identifier: Apache-2.0
// Buckets: a few sizes of a symbol serve all of them. Inputs are padded to the next extent of a ladder, outputs cut back,
// and what lies in the padding never has an influence.
#pragma once

#include <rlx/host/pipeline.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace rlx {

/// The upper extents of one symbol.
struct RLX_API Ladder {
  std::string symbol;
  std::vector<std::int64_t> extents;  ///< ascending, at least one
  /// The powers of two from the first that is `least` or more up to `greatest`, and `greatest` itself.
  /// Where `least` is past `greatest` both as they are, which no Buckets takes (kInvalidArgument: they do not ascend).
  static Ladder powers_of_two(std::string symbol, std::int64_t least, std::int64_t greatest);
};

struct BucketOptions {
  std::vector<Ladder> ladders;  ///< symbols without one keep their sizes
  /// A shape that was not run before is served by the smallest bucket that is compiled and holds it, while the variant of
  /// its own shape compiles behind, on a thread of the runtime; later runs of the shape use that one. Where no bucket is
  /// compiled yet the smallest that holds the shape is, before the run.
  bool serve_larger = false;
};

struct BucketCounters {
  std::uint64_t runs = 0;
  std::uint64_t exact = 0;   ///< of those, in the variant of their own shape
  std::uint64_t larger = 0;  ///< of those, in a bucket that was compiled though a smaller one would hold them
  std::map<std::string, std::uint64_t> by_bucket;  ///< the rest and `larger`: "batch=4 seq=64" -> runs
  std::uint64_t input_elements = 0;   ///< given
  std::uint64_t padded_elements = 0;  ///< added to them
  std::uint64_t compiled_behind = 0, failed_behind = 0;
};

/// A template with ladders. Cheap to copy; usable from many threads. Its variants lie in the pipeline's cache, made when
/// they are first needed, with the template's weights.
class RLX_API Buckets {
 public:
  /// Lifetime: keeps the pipeline. Dropping the last copy stops what compiles behind.
  /// Errors: kInvalidArgument for an empty ladder, or extents that do not ascend; kDuplicateName, kUnknownSymbol;
  /// kSymbolOutOfRange, kConstraintViolated for an extent that the model does not allow; kCannotPad naming the operation that would take
  /// padding for what is real.
  static Result<Buckets> create(ModelCompilePipeline& pipeline, const Template& from, const BucketOptions& options);

  /// Runs at whatever shape the inputs have; allocates the outputs, which have the shapes that the model gives for it.
  /// Where the backend is row-invariant (the CPU is) and nothing is summed along a padded axis the outputs are, bit for bit,
  /// those of the variant of the inputs' own shape; else within the error bound.
  /// Errors: kSymbolOutOfRange past a ladder's top; those of Template::bind, get_or_compile and CompiledGraph::run.
  Result<std::vector<NamedTensor>> run(std::span<const NamedView> inputs, const CallOptions& options = {}) const;

  /// The same into the caller's memory, in any order, each output named once. Outputs have the dims that the model gives for
  /// the inputs' own shape. Allocates nothing once as many runs at a time have been made with each shape before, as long as
  /// at most 256 shapes take turns; takes a lock for a moment. Errors: those of run; kMissingInput, kUnknownName,
  /// kDuplicateName, kWrongDtype, kWrongShape, kWrongSize for an output too.
  Status run_into(std::span<const NamedView> inputs, std::span<const NamedMutableView> outputs, const CallOptions& options = {}) const;

  /// The smallest bucket that holds a shape; symbols without ladder as they are. Errors: kSymbolOutOfRange naming symbol,
  /// size and the ladder's top; kUnboundSymbol, kUnknownSymbol, kConstraintViolated.
  Result<Binding> bucket_of(const Binding& shape) const;
  /// Every bucket, the smallest first, with these sizes of the symbols without ladder: what warm() takes beside padded().
  std::vector<Binding> buckets(const Binding& rest = {}) const;
  /// The template that runs in buckets: that of create() with one i64 scalar input more per ladder, the real size.
  const Template& padded() const;

  BucketCounters counters() const;
  /// Waits until nothing compiles behind; in a forked child it returns at once.
  void wait() const;

 private:
  struct Body;
  std::shared_ptr<Body> body_;
};

}  // namespace rlx
