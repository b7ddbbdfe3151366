// SPDX-License-Identifier: Apache-2.0
// The ready image against the slow path: the same bytes, or both refuse.
#include <gtest/gtest.h>

#include <chrono>
#include <cstring>

#include "random_module.h"
#include "runtime/ir/lir/dim_tape.h"
#include "runtime/ir/lir/image.h"

namespace rlx::lir {
namespace {

using testing::binding_of;
using testing::random_module;

std::string bytes_of(const Image& image) {
  return {reinterpret_cast<const char*>(image.bytes().data()), image.bytes().size()};
}

Result<Image> slowly(const Module& module, const DimBinding& binding) {
  RLX_ASSIGN(Module bound, lir::bind(module, binding));
  bound.plan = plan_module(bound);
  return write_image(bound);
}

std::shared_ptr<const ReadyImage> ready_of(const Module& module, std::vector<Constraint> constraints = {}) {
  auto ready = ReadyImage::make(module, std::move(constraints));
  EXPECT_TRUE(ready) << ready.error().to_string();
  return ready ? *ready : nullptr;
}

Module module_of_seq() {
  Module module = testing::small_module();
  for (const std::uint32_t value : {0u, 2u}) module.values[value].dims = {2, Dim::symbol("seq")};
  module.values[3].dims = {Dim::symbol("seq"), 2};
  module.values[3].strides = Dims{1, Dim::symbol("seq")};
  module.values[4].dims = {Dim::symbol("seq"), 2};
  return module;
}

TEST(ReadyImage, GivesTheBytesOfTheSlowPath) {
  std::mt19937_64 rng(11);
  int compared = 0;
  for (int i = 0; i < 150; ++i) {
    const Module module = random_module(rng, {.symbols = true, .ops = 1 + static_cast<std::uint32_t>(i) % 40});
    const auto ready = ready_of(module);
    for (const std::int64_t batch : {0, 1, 3, 17})
      for (const std::int64_t seq : {0, 1, 2, 7, 31, 127}) {
        const Result<Image> slow = slowly(module, binding_of(batch, seq));
        const Result<Image> fast = ready->instantiate(binding_of(batch, seq));
        ASSERT_TRUE(slow) << slow.error().to_string();
        ASSERT_TRUE(fast) << fast.error().to_string();
        ASSERT_EQ(bytes_of(*fast), bytes_of(*slow)) << "batch " << batch << ", seq " << seq;
        const Status verified = verify_image(fast->bytes());
        ASSERT_TRUE(verified) << verified.error().to_string();
        ++compared;
      }
  }
  EXPECT_EQ(compared, 150 * 24);
}

TEST(ReadyImage, FillsSizesThatAreData) {
  Module module = module_of_seq();
  const auto constant = static_cast<std::uint32_t>(module.constants.size());
  module.constants.emplace_back(8);
  module.open_constants.push_back({constant, Dim::symbol("seq") * Dim(3)});
  Value value;
  value.dtype = DType::kI64;
  value.storage = Storage::kConstant;
  value.index = constant;
  module.values.push_back(value);
  const auto ready = ready_of(module);
  for (const std::int64_t seq : {1, 5, 127}) {
    const Result<Image> fast = ready->instantiate({{"seq", seq}}), slow = slowly(module, {{"seq", seq}});
    ASSERT_TRUE(fast && slow);
    EXPECT_EQ(bytes_of(*fast), bytes_of(*slow)) << seq;
    const Status verified = verify_image(fast->bytes());
    ASSERT_TRUE(verified) << verified.error().to_string();
    const Result<Module> read = read_image(fast->bytes());
    ASSERT_TRUE(read);
    std::int64_t number = 0;
    std::memcpy(&number, read->constants.at(read->values.back().index).data(), sizeof number);
    EXPECT_EQ(number, 3 * seq);
  }
  EXPECT_FALSE(is_bound(module));
}

TEST(ReadyImage, AClosedModuleNeedsNoSizes) {
  const Module module = testing::small_module();
  EXPECT_EQ(bytes_of(*ready_of(module)->instantiate({})), bytes_of(*slowly(module, {})));
}

TEST(ReadyImage, NamesTheMissingSymbol) {
  const Result<Image> image = ready_of(module_of_seq())->instantiate({{"batch", 2}});
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().code(), ErrorCode::kUnboundSymbol);
  EXPECT_NE(image.error().message().find("seq"), std::string::npos);
}

TEST(ReadyImage, NamesTheBrokenConstraintBothSidesAndTheBinding) {
  const Constraint equal{Dim::symbol("seq"), Dim::symbol("batch") * Dim(2), false, "matmul `dense`: K of both operands"};
  const auto ready = ready_of(module_of_seq(), {equal});
  EXPECT_TRUE(ready->instantiate(binding_of(3, 6)));
  const Result<Image> image = ready->instantiate(binding_of(3, 7));
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().code(), ErrorCode::kConstraintViolated);
  for (const char* part : {"matmul `dense`", "`seq` is 7", "which is 6", "batch=3", "seq=7"})
    EXPECT_NE(image.error().message().find(part), std::string::npos) << image.error().message();
}

TEST(ReadyImage, ChecksLowerBounds) {
  const Constraint least{Dim::symbol("seq"), Dim(4), true, "slice `last`"};
  const auto ready = ready_of(module_of_seq(), {least});
  EXPECT_TRUE(ready->instantiate({{"seq", 4}}));
  EXPECT_EQ(ready->instantiate({{"seq", 3}}).error().code(), ErrorCode::kConstraintViolated);
}

TEST(ReadyImage, NamesTheValueWhoseDimIsNegative) {
  Module module = module_of_seq();
  module.values[0].dims[1] = Dim::symbol("seq") - Dim(4);
  module.values[0].name = "ids";
  const Result<Image> image = ready_of(module)->instantiate({{"seq", 3}});
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().code(), ErrorCode::kConstraintViolated);
  EXPECT_NE(image.error().message().find("value 0 `ids`"), std::string::npos) << image.error().message();
}

TEST(ReadyImage, RefusesSizesThatLeaveTheNumbers) {
  const auto ready = ready_of(module_of_seq());
  for (const std::int64_t seq : {INT64_MAX, INT64_MAX / 8, INT64_MAX / 16 * 2, std::int64_t{-1}, INT64_MIN})
    EXPECT_FALSE(ready->instantiate({{"seq", seq}})) << seq;
  Module sum = module_of_seq();
  for (int i = 0; i < 2; ++i) {  // each fits, their sum does not
    Op more = sum.ops[0];
    more.results = {static_cast<std::uint32_t>(sum.values.size())};
    sum.values.push_back(sum.values[2]);
    sum.outputs.push_back({"more", more.results[0]});
    sum.ops.push_back(more);
    ++sum.regions[0].op_count;
  }
  const Result<Image> image = ready_of(sum)->instantiate({{"seq", INT64_MAX / 8 - 64}});
  ASSERT_FALSE(image);
  EXPECT_NE(image.error().message().find("temporaries"), std::string::npos) << image.error().message();
}

TEST(ReadyImage, RefusesConstantsWithOpenDims) {
  Module module = testing::small_module();
  module.values[1].dims[0] = Dim::symbol("seq");
  EXPECT_EQ(ReadyImage::make(module, {}).error().code(), ErrorCode::kInvalidArgument);
}

TEST(ReadyImage, TwoHundredOpsTakeMicroseconds) {
  std::mt19937_64 rng(12);
  const Module module = random_module(rng, {.symbols = true, .ops = 200});
  const auto ready = ready_of(module);
  double best = 1e9, slow = 1e9;
  std::size_t bytes = 0;
  for (std::int64_t seq = 1; seq <= 200; ++seq) {
    const auto start = std::chrono::steady_clock::now();
    const Result<Image> image = ready->instantiate(binding_of(3, seq));
    const auto middle = std::chrono::steady_clock::now();
    ASSERT_TRUE(image);
    bytes = image->bytes().size();
    best = std::min(best, std::chrono::duration<double, std::micro>(middle - start).count());
    if (seq > 5) continue;
    ASSERT_EQ(bytes_of(*image), bytes_of(*slowly(module, binding_of(3, seq))));
    const auto then = std::chrono::steady_clock::now();
    ASSERT_TRUE(slowly(module, binding_of(3, seq)));
    slow = std::min(slow, std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - then).count());
  }
  const auto start = std::chrono::steady_clock::now();
  ASSERT_TRUE(verify_image(ready->instantiate(binding_of(3, 9))->bytes()));
  const double verify = std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count();
  RecordProperty("nanoseconds", static_cast<int>(best * 1000));
  EXPECT_LT(best, slow) << "every call went the slow path, and the comparisons of bytes say nothing";
  std::printf("%zu ops, %zu values, %zu bytes: ready %.1f us, bind+plan+write %.1f us, verify %.1f us\n", module.ops.size(),
              module.values.size(), bytes, best, slow, verify);
}

// ---- the tape ----

Dim random_dim(std::mt19937_64& rng, int depth) {
  if (depth == 0 || rng() % 4 == 0) {
    const char* names[] = {"a", "b", "c"};
    if (rng() % 2) return Dim::symbol(names[rng() % 3]);
    return static_cast<std::int64_t>(rng() % 11) - 3;
  }
  const Dim a = random_dim(rng, depth - 1), b = random_dim(rng, depth - 1);
  switch (rng() % 8) {
    case 0: return a + b;
    case 1: return a - b;
    case 2: return a * b;
    case 3: return floor_div(a, b);
    case 4: return ceil_div(a, b);
    case 5: return mod(a, b);
    case 6: return min(a, b);
    default: return max(a, b);
  }
}

TEST(DimTape, EvaluatesAsDimDoes) {
  std::mt19937_64 rng(13);
  int equal = 0, refused = 0;
  for (int i = 0; i < 3000; ++i) {
    DimTape tape;
    const Dim dim = random_dim(rng, 4);
    const std::uint32_t slot = tape.add(dim);
    for (int k = 0; k < 4; ++k) {
      const std::int64_t large = k == 3 ? INT64_MAX / 2 : 40;
      const auto size = [&] { return static_cast<std::int64_t>(rng() % static_cast<std::uint64_t>(large)) - 10; };
      const DimBinding binding = {{"a", size()}, {"b", size()}, {"c", size()}};
      std::vector<std::int64_t> sizes(tape.slots());
      const Result<std::int64_t> want = dim.evaluate(binding);
      if (tape.evaluate(binding, sizes.data())) {
        ASSERT_TRUE(want) << dim.to_string();
        ASSERT_EQ(sizes[slot], *want) << dim.to_string();
        ++equal;
      } else {
        ++refused;
      }
    }
  }
  EXPECT_GT(equal, 6000);
  EXPECT_GT(refused, 10);
}

TEST(DimTape, EqualPartsTakeOneSlot) {
  DimTape tape;
  const Dim rows = Dim::symbol("a") * Dim::symbol("b");
  const std::uint32_t slot = tape.add(floor_div(rows, Dim::symbol("c")));
  const std::size_t slots = tape.slots();
  EXPECT_EQ(tape.add(floor_div(rows, Dim::symbol("c"))), slot);
  tape.add(rows);
  EXPECT_EQ(tape.slots(), slots);
}

}  // namespace
}  // namespace rlx::lir
