// SPDX-License-Identifier: Apache-2.0
// Checking ladders, and looking for a step.
#include "runtime/execute/bucket_ladder.h"

#include <algorithm>

#include "runtime/base/names.h"

namespace rlx {
namespace {

Status check(const Ladder& ladder, const BindingManifest& manifest) {
  std::vector<std::string> names;
  const BindingManifest::Symbol* symbol = nullptr;
  for (const BindingManifest::Symbol& each : manifest.symbols) {
    names.push_back(each.name);
    if (each.name == ladder.symbol) symbol = &each;
  }
  if (!symbol) return fail(ErrorCode::kUnknownSymbol, "a ladder for `", ladder.symbol, "`: no such symbol; ", did_you_mean(ladder.symbol, names));
  if (ladder.extents.empty()) return fail(ErrorCode::kInvalidArgument, "the ladder of `", ladder.symbol, "` is empty, wanted one extent or more");
  for (std::size_t i = 1; i < ladder.extents.size(); ++i)
    if (ladder.extents[i] <= ladder.extents[i - 1])
      return fail(ErrorCode::kInvalidArgument, "the ladder of `", ladder.symbol, "` has ", ladder.extents[i], " behind ", ladder.extents[i - 1], ", wanted ascending extents");
  for (const std::int64_t extent : ladder.extents)
    if (extent < symbol->least || extent > symbol->greatest)
      return fail(ErrorCode::kSymbolOutOfRange, "the ladder of `", ladder.symbol, "` has ", extent, ", wanted ", symbol->least, " to ", symbol->greatest);
  return {};
}

double elements(const Binding& bucket, const std::vector<Ladder>& ladders) {
  double product = 1;
  for (const Ladder& ladder : ladders) product *= static_cast<double>(bucket.at(ladder.symbol));
  return product;
}

}  // namespace

Ladder Ladder::powers_of_two(std::string symbol, std::int64_t least, std::int64_t greatest) {
  if (least > greatest) return {std::move(symbol), {least, greatest}};
  Ladder ladder{std::move(symbol), {}};
  for (std::int64_t extent = 1; extent < greatest; extent *= 2) {
    if (extent >= least) ladder.extents.push_back(extent);
    if (extent > INT64_MAX / 2) break;
  }
  ladder.extents.push_back(greatest);
  return ladder;
}

Result<Ladders> Ladders::make(std::vector<Ladder> ladders, const BindingManifest& manifest) {
  if (ladders.empty()) return fail(ErrorCode::kInvalidArgument, "no ladder: name a symbol and its extents");
  for (const Ladder& ladder : ladders) RLX_TRY(check(ladder, manifest));
  std::sort(ladders.begin(), ladders.end(), [](const Ladder& a, const Ladder& b) { return a.symbol < b.symbol; });
  for (std::size_t i = 1; i < ladders.size(); ++i)
    if (ladders[i].symbol == ladders[i - 1].symbol) return fail(ErrorCode::kDuplicateName, "`", ladders[i].symbol, "` has two ladders");
  Ladders made;
  made.ladders_ = std::move(ladders);
  return made;
}

std::vector<std::string> Ladders::symbols() const {
  std::vector<std::string> names;
  for (const Ladder& ladder : ladders_) names.push_back(ladder.symbol);
  return names;
}

Result<Binding> Ladders::smallest(const Binding& shape) const {
  Binding bucket = shape;
  for (const Ladder& ladder : ladders_) {
    const auto size = bucket.find(ladder.symbol);
    if (size == bucket.end()) return fail(ErrorCode::kUnboundSymbol, "symbol `", ladder.symbol, "` has no size");
    const auto step = std::lower_bound(ladder.extents.begin(), ladder.extents.end(), size->second);
    if (step == ladder.extents.end())
      return fail(ErrorCode::kSymbolOutOfRange, "`", ladder.symbol, "` is ", size->second, ", the greatest extent of its ladder is ", ladder.extents.back());
    size->second = *step;
  }
  return bucket;
}

std::vector<Binding> Ladders::all(const Binding& rest) const {
  std::vector<Binding> buckets = {rest};
  for (const Ladder& ladder : ladders_) {
    std::vector<Binding> wider;
    for (const Binding& bucket : buckets)
      for (const std::int64_t extent : ladder.extents) {
        wider.push_back(bucket);
        wider.back()[ladder.symbol] = extent;
      }
    buckets = std::move(wider);
  }
  std::stable_sort(buckets.begin(), buckets.end(), [&](const Binding& a, const Binding& b) { return elements(a, ladders_) < elements(b, ladders_); });
  return buckets;
}

std::vector<Binding> Ladders::extents() const {
  std::vector<Binding> alone;
  for (const Ladder& ladder : ladders_)
    for (const std::int64_t extent : ladder.extents) alone.push_back({{ladder.symbol, extent}});
  return alone;
}

std::vector<Binding> Ladders::holding(const Binding& shape) const {
  std::vector<Binding> buckets = all(shape);
  std::erase_if(buckets, [&](const Binding& bucket) {
    return std::any_of(ladders_.begin(), ladders_.end(), [&](const Ladder& ladder) { return bucket.at(ladder.symbol) < shape.at(ladder.symbol); });
  });
  return buckets;
}

std::string Ladders::text(const Binding& bucket) const {
  std::string text;
  for (const Ladder& ladder : ladders_) text += join(text.empty() ? "" : " ", ladder.symbol, "=", bucket.at(ladder.symbol));
  return text;
}

}  // namespace rlx
