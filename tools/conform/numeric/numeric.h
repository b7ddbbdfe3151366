// SPDX-License-Identifier: Apache-2.0
// How to add a numeric check. The controller makes image and data, the worker compiles and runs it between forbidden
// pages (worker/compute.cpp), a reference process computes values and bounds, the controller compares. The plugin can
// neither read nor change what is expected: it is computed when the worker has ended, from the controller's own copies.
//
// A row: id, level, sentence, floor (elements compared by its cases together), cases (keys from the facts of the
// survey; only what the claims allow) and make, which turns a key and a seed into image, inputs and params. Files of a
// group: numeric/GROUP.cpp; its rows are named in numeric/catalogue.cpp.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "runtime/base/result.h"
#include "tools/conform/numeric/compare.h"
#include "tools/conform/shared/facts.h"
#include "tools/conform/shared/random.h"

namespace rlx::conform {

/// One run among several in one process.
struct NumericStep {
  std::uint32_t image = 0;               ///< of NumericCase::images
  std::vector<std::string> inputs;       ///< a state's bytes count where its name comes first; later steps find what was left
  std::vector<std::uint64_t> specified;  ///< per output: the elements from the first that are compared; empty: all
};

/// An image of one op that the device is asked about.
struct AskedImage {
  std::string name, bytes;
};

struct NumericCase {
  std::string image;                ///< bytes
  std::vector<std::string> inputs;  ///< bytes, dense, in the image's order
  std::vector<std::string> params;  ///< one per param record
  CompareOptions compare;
  std::vector<std::pair<std::string, std::string>> options;  ///< of compile; the reference knows `precision` among them
  bool through_artifact = false;  ///< compiled and exported by a process, imported by another, which runs it
  bool refused = false;    ///< the run must be refused as DATA_ERROR
  bool untouched = false;  ///< and before anything is written
  /// Where there are steps they stand for `image` and `inputs`: all images are compiled, each with a context of its own, then
  /// the steps run in their order. `params` are then the entries of the set.
  std::vector<std::string> images;
  std::vector<NumericStep> steps;
  /// Where there are any, nothing is run: the device is asked about each. `claimed`: one row has them all; else none has any.
  std::vector<AskedImage> asked;
  bool claimed = false;
};

/// Of a case with `asked`, and the verdict of each image's op (RLX_VERDICT_*): names of those that are NATIVE though no row has
/// them; and whether the row has nothing that is NATIVE.
std::vector<std::string> native_outside(const NumericCase& made, std::span<const std::uint32_t> verdicts);
bool is_empty_row(const NumericCase& made, std::span<const std::uint32_t> verdicts);

struct NumericCheck {
  const char* id;
  int level;
  const char* sentence;
  std::uint64_t floor;
  /// `effort`: 0 quick, 1 ci, 2 full.
  std::vector<std::string> (*cases)(const Facts& facts, int effort);
  Result<NumericCase> (*make)(const std::string& key, std::uint64_t seed, const Facts& facts);
  /// The device is asked first, and what it answers EXPAND for is inlined and asked again, as the core does.
  bool asks = false;
};

/// One round of that, from the verdicts (RLX_VERDICT_*) of the image's ops.
struct Inlined {
  std::string image;    ///< with regions in place of what was answered EXPAND for
  bool changed = false;
  std::string refused;  ///< an op of the main graph that is UNSUPPORTED; empty where all are NATIVE or EXPAND
  bool claimed = false; ///< a row has that op, all of whose operands are dense
};
/// Errors: an image that cannot be read, too few verdicts, a composite that cannot be inlined here.
Result<Inlined> inline_expanded(const std::string& image, std::span<const std::uint32_t> verdicts, const Facts& facts);

std::vector<std::span<const NumericCheck>> numeric_catalogue();
const NumericCheck* find_numeric(const std::string& id);

/// True where a claim row covers the opcode with every dtype of `dtypes` (bits) and function `fn` (0: none).
bool claimed(const Facts& facts, std::uint32_t opcode, std::uint64_t dtypes, std::uint32_t fn = 0);

/// Bytes of `count` elements. Small whole numbers in [-8, 8] (unsigned: [0, 16], bool: 0 or 1): sums of them are exact.
std::string fill_whole(DType dtype, std::uint64_t count, Random& random);
/// Numbers in [low, high), rounded to the dtype. Integers: whole numbers of the range.
std::string fill_uniform(DType dtype, std::uint64_t count, double low, double high, Random& random);

}  // namespace rlx::conform
