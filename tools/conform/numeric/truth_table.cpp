// SPDX-License-Identifier: Apache-2.0
// The comparator's own test, run at the start of every run: what has fooled comparators before.
#include <cmath>
#include <cstring>
#include <limits>

#include "tools/conform/numeric/compare.h"

namespace rlx::conform {
namespace {

using reference::Tensor;
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

template <class T>
std::string raw(const std::vector<T>& values) {
  std::string out(values.size() * sizeof(T), '\0');
  if (!values.empty()) std::memcpy(out.data(), values.data(), out.size());
  return out;
}

Tensor reals(const std::vector<double>& values, double bound) {
  Tensor tensor(DType::kF32, {static_cast<std::int64_t>(values.size())});
  tensor.v = values;
  tensor.e.assign(values.size(), bound);
  return tensor;
}

struct Table {
  std::vector<std::string> faults;
  /// How many elements count as compared.
  void counts(const char* name, const Tensor& expected, const std::string& bytes, std::uint64_t wanted, const CompareOptions& options = {}) {
    const Comparison seen = compare(expected, bytes, options);
    if (!seen.good || seen.compared != wanted) faults.push_back(std::string(name) + ": " + std::to_string(seen.compared) + " elements count as compared, wanted " + std::to_string(wanted));
  }
  void row(const char* name, const Tensor& expected, const std::string& bytes, bool wanted, const CompareOptions& options = {}) {
    if (compare(expected, bytes, options).good != wanted)
      faults.push_back(std::string(name) + (wanted ? ": refused, but it is right" : ": accepted, but it is wrong"));
  }
};

void nan_and_infinity(Table& table) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  const Tensor plain = reals({1, 2, 3}, 1e-6);
  table.row("all NaN", plain, raw<float>({nan, nan, nan}), false);
  table.row("all -inf", plain, raw<float>({-inf, -inf, -inf}), false);
  table.row("NaN under an infinite bound", reals({1, 2}, kInf), raw<float>({nan, 2}), false);
  table.row("one shared infinity hides a wrong element", reals({kInf, 2, 3}, 1e-6), raw<float>({inf, 2, 4}), false);
  table.row("one shared infinity", reals({kInf, 2, 3}, 1e-6), raw<float>({inf, 2, 3}), true);
  table.row("infinity of the other sign", reals({kInf, 2}, 1e-6), raw<float>({-inf, 2}), false);
  table.row("NaN where NaN is right", reals({kNan, 2}, 1e-6), raw<float>({nan, 2}), true);
  table.row("a number where NaN is right", reals({kNan, 2}, 1e-6), raw<float>({0, 2}), false);
  table.row("infinity where the greatest number is right", reals({3.4028234e38, 0}, 1e33), raw<float>({inf, 0}), true);
  table.row("infinity where a number is right", reals({1e30, 0}, 1e24), raw<float>({inf, 0}), false);
}

void places(Table& table) {
  const Tensor plain = reals({1, 2, 3, 4}, 1e-6);
  table.row("equal", plain, raw<float>({1, 2, 3, 4}), true);
  table.row("the last element wrong", plain, raw<float>({1, 2, 3, 5}), false);
  table.row("rows permuted", plain, raw<float>({3, 4, 1, 2}), false);
  table.row("all zero", plain, raw<float>({0, 0, 0, 0}), false);
  table.row("an element missing", plain, raw<float>({1, 2, 3}), false);
  table.row("an element too many", plain, raw<float>({1, 2, 3, 4, 5}), false);
  table.row("nothing, where nothing is right", reals({}, 0), "", true);
  table.row("something, where nothing is right", reals({}, 0), raw<float>({1}), false);
  table.row("at the bound", reals({1}, 0.5), raw<float>({1.5f}), true);
  table.row("past the bound", reals({1}, 0.5), raw<float>({1.5001f}), false);
}

void kinds(Table& table) {
  CompareOptions signs, flush;
  signs.sign_of_zero = flush.flush_to_zero = true;
  table.row("-0 where the sign counts", reals({0.0}, 0), raw<float>({-0.0f}), false, signs);
  table.row("-0 where it does not", reals({0.0}, 0), raw<float>({-0.0f}), true);
  table.row("zero for a subnormal, declared", reals({1e-40}, 0), raw<float>({0}), true, flush);
  table.row("zero for a subnormal, not declared", reals({1e-40}, 0), raw<float>({0}), false);
  table.row("zero for a normal number, declared", reals({1e-30}, 0), raw<float>({0}), false, flush);
  Tensor whole(DType::kI64, {2});
  whole.i = {(std::int64_t{1} << 53) + 1, 0};
  table.row("int64 low bit", whole, raw<std::int64_t>({std::int64_t{1} << 53, 0}), false);
  table.row("int64", whole, raw<std::int64_t>({(std::int64_t{1} << 53) + 1, 0}), true);
  Tensor tiny(DType::kU8, {3});
  tiny.i = {255, 0, 1};
  table.row("all zero, unsigned", tiny, raw<unsigned char>({0, 0, 0}), false);
  table.row("unsigned", tiny, raw<unsigned char>({255, 0, 1}), true);
  Tensor truth(DType::kBool, {2});
  truth.i = {1, 0};
  table.row("a bool of 2", truth, raw<unsigned char>({2, 0}), false);
}

/// An argmax of 7 whose first element and fifth are tied, and one that is sure.
Tensor tied() {
  Tensor tensor(DType::kI64, {2});
  tensor.i = {0, 3};
  tensor.doubt(0, std::vector<std::int64_t>{0, 5});
  return tensor;
}

void doubts(Table& table) {
  using Whole = std::vector<std::int64_t>;
  table.row("a tie, the first", tied(), raw<std::int64_t>(Whole{0, 3}), true);
  table.row("a tie, the other", tied(), raw<std::int64_t>(Whole{5, 3}), true);
  table.row("a tie, an element that is not tied", tied(), raw<std::int64_t>(Whole{2, 3}), false);
  table.row("a tie, out of range", tied(), raw<std::int64_t>(Whole{1'000'000'000, 3}), false);
  table.row("a tie, below the range", tied(), raw<std::int64_t>(Whole{-5, 3}), false);
  table.row("a tie hides a wrong element", tied(), raw<std::int64_t>(Whole{0, 4}), false);
  Tensor near(DType::kU8, {2});
  near.i = {254, 7};
  near.doubt(0, 3);
  table.row("a whole number within its bound, around the end", near, raw<unsigned char>({1, 7}), true);
  table.row("a whole number past its bound", near, raw<unsigned char>({2, 7}), false);
  near.doubt(0, kInf);
  table.row("a whole number that may be any", near, raw<unsigned char>({100, 7}), true);
  Tensor truth(DType::kBool, {1});
  truth.i = {1};
  truth.doubt(0, 1);
  table.row("a truth in doubt", truth, raw<unsigned char>({0}), true);
  table.row("a truth in doubt that is no truth", truth, raw<unsigned char>({7}), false);
  table.counts("what is tied does not count", tied(), raw<std::int64_t>(Whole{5, 3}), 1);
}

void strength(Table& table) {
  const float inf = std::numeric_limits<float>::infinity();
  table.counts("bounds that say something", reals({1, 2, 3}, 1e-3), raw<float>({1, 2, 3}), 3);
  table.counts("infinite bounds", reals({1, 2, 3}, kInf), raw<float>({9, 9, 9}), 0);
  table.counts("bounds past the whole", reals({1, 2, 3}, 2.5), raw<float>({1, 2, 3}), 0);
  table.counts("an infinity under an infinite bound", reals({kInf, 2}, kInf), raw<float>({inf, 5}), 1);
  table.counts("zeros that are exact", reals({0, 0}, 0), raw<float>({0, 0}), 2);
  table.counts("zeros within a hundredth", reals({0, 0}, 0.01), raw<float>({0, 0}), 0);
  CompareOptions whole;
  whole.most = 0.25;
  table.counts("whole numbers", reals({0, 0}, 3), raw<float>({0, 0}), 2, whole);
}

}  // namespace

std::vector<std::string> comparator_faults() {
  Table table;
  nan_and_infinity(table);
  places(table);
  kinds(table);
  doubts(table);
  strength(table);
  return table.faults;
}

}  // namespace rlx::conform
