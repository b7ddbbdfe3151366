// SPDX-License-Identifier: Apache-2.0
// Dim: canonical forms against plain arithmetic on many bindings, text both ways, refusal instead of
// overflow.
#include "runtime/ir/dim.h"

#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <random>

namespace rlx {
namespace {

const Dim a = Dim::symbol("a"), b = Dim::symbol("b"), c = Dim::symbol("c");

/// An expression as a tree of plain arithmetic, beside the Dim made of it.
struct Pair {
  Dim dim;
  std::function<std::optional<std::int64_t>(const DimBinding&)> plain;
};

std::int64_t floor_plain(std::int64_t x, std::int64_t y) {
  return x / y - ((x % y != 0) && ((x < 0) != (y < 0)));
}

Pair random_pair(std::mt19937& random, int depth) {
  if (depth == 0 || random() % 6 == 0) {
    if (random() % 2) {
      const auto number = static_cast<std::int64_t>(random() % 13) - 3;
      return {number, [number](const DimBinding&) { return std::optional(number); }};
    }
    const std::string name(1, "abc"[random() % 3]);
    return {Dim::symbol(name), [name](const DimBinding& binding) { return std::optional(binding.at(name)); }};
  }
  const Pair x = random_pair(random, depth - 1), y = random_pair(random, depth - 1);
  const int kind = static_cast<int>(random() % 8);
  Dim dim;
  switch (kind) {
    case 0:
      dim = x.dim + y.dim;
      break;
    case 1:
      dim = x.dim - y.dim;
      break;
    case 2:
    case 3:
      dim = x.dim * y.dim;
      break;
    case 4:
      dim = floor_div(x.dim, y.dim);
      break;
    case 5:
      dim = ceil_div(x.dim, y.dim);
      break;
    case 6:
      dim = mod(x.dim, y.dim);
      break;
    default:
      dim = random() % 2 ? min(x.dim, y.dim) : max(x.dim, y.dim);
      break;
  }
  const bool is_min = dim == min(x.dim, y.dim);
  return {dim, [=](const DimBinding& binding) -> std::optional<std::int64_t> {
            const auto p = x.plain(binding), q = y.plain(binding);
            if (!p || !q || (kind >= 4 && kind <= 6 && *q == 0)) return std::nullopt;
            switch (kind) {
              case 0:
                return *p + *q;
              case 1:
                return *p - *q;
              case 2:
              case 3:
                return *p * *q;
              case 4:
                return floor_plain(*p, *q);
              case 5:
                return -floor_plain(-*p, *q);
              case 6:
                return *p - *q * floor_plain(*p, *q);
              default:
                return is_min ? std::min(*p, *q) : std::max(*p, *q);
            }
          }};
}

DimBinding random_binding(std::mt19937& random) {
  return {{"a", random() % 9}, {"b", random() % 9}, {"c", random() % 40}};
}

TEST(Dim, EvaluatesAsPlainArithmeticDoes) {
  std::mt19937 random(1);
  int compared = 0;
  for (int i = 0; i < 6000; ++i) {
    const Pair pair = random_pair(random, 4);
    for (int k = 0; k < 10; ++k) {
      const DimBinding binding = random_binding(random);
      const auto wanted = pair.plain(binding);
      if (!wanted) continue;  // divides by zero: folding may have removed it
      const auto seen = pair.dim.evaluate(binding);
      ASSERT_TRUE(seen) << pair.dim.to_string() << ": " << seen.error().to_string();
      ASSERT_EQ(*seen, *wanted) << pair.dim.to_string() << " a=" << binding.at("a")
                                << " b=" << binding.at("b") << " c=" << binding.at("c");
      ++compared;
    }
  }
  EXPECT_GT(compared, 20000);
}

TEST(Dim, PrintsWhatParsesToTheSameForm) {
  std::mt19937 random(2);
  for (int i = 0; i < 6000; ++i) {
    const Dim dim = random_pair(random, 5).dim;
    const auto again = parse_dim(dim.to_string());
    ASSERT_TRUE(again) << dim.to_string() << ": " << again.error().to_string();
    ASSERT_EQ(*again, dim) << dim.to_string() << " read as " << again->to_string();
    ASSERT_EQ(again->to_string(), dim.to_string());
  }
}

TEST(Dim, SubstitutesInStepsAsItEvaluates) {
  std::mt19937 random(3);
  for (int i = 0; i < 6000; ++i) {
    const Dim dim = random_pair(random, 4).dim;
    const DimBinding binding = random_binding(random);
    const auto wanted = dim.evaluate(binding);
    if (!wanted) continue;
    EXPECT_EQ(dim.substitute(binding), Dim(*wanted)) << dim.to_string();
    const Dim half = dim.substitute({{"b", binding.at("b")}});
    std::vector<std::string> names;
    half.collect_symbols(names);
    EXPECT_EQ(std::count(names.begin(), names.end(), "b"), 0);
    const auto rest = half.evaluate(binding);
    if (rest) {
      EXPECT_EQ(*rest, *wanted) << dim.to_string() << " then " << half.to_string();
    }
  }
}

TEST(Dim, EqualFormsAreEqualSizesAndComparisonIsAnOrder) {
  std::mt19937 random(4);
  std::vector<Dim> dims;
  for (int i = 0; i < 160; ++i) dims.push_back(random_pair(random, 2).dim);
  for (const Dim& x : dims) {
    for (const Dim& y : dims) {
      EXPECT_EQ(Dim::compare(x, y), -Dim::compare(y, x));
      EXPECT_EQ(x == y, Dim::compare(x, y) == 0);
      EXPECT_EQ(x + y, y + x);
      EXPECT_EQ(x * y, y * x);
      EXPECT_EQ(min(x, y), min(y, x));
      if (provably_at_least(x, y)) {
        for (int k = 0; k < 20; ++k) {
          const DimBinding binding = random_binding(random);
          const auto p = x.evaluate(binding), q = y.evaluate(binding);
          if (p && q) {
            ASSERT_GE(*p, *q) << x.to_string() << " against " << y.to_string();
          }
        }
      }
    }
  }
}

TEST(Dim, CollectsLikeTermsAndExpands) {
  EXPECT_EQ((a + Dim(1)) * (b + Dim(2)), a * b + Dim(2) * a + b + Dim(2));
  EXPECT_EQ(a + b - a - b, Dim(0));
  EXPECT_EQ((a * (b + Dim(1))).to_string(), "a*b + a");
  EXPECT_EQ((Dim(3) - Dim(2) * a).to_string(), "-2*a + 3");
}

TEST(Dim, FoldsDivisionsThatProvablyDivide) {
  EXPECT_EQ(floor_div(a * b * Dim(384), b * Dim(12)), Dim(32) * a);
  EXPECT_EQ(floor_div(a * b + a, b + Dim(1)), a);
  EXPECT_EQ(floor_div(Dim(4) * a + Dim(3), Dim(4)), a);
  EXPECT_EQ(floor_div(floor_div(a, Dim(2)), Dim(3)), floor_div(a, Dim(6)));
  EXPECT_EQ(floor_div(a - Dim(1), Dim(2)) + Dim(1), ceil_div(a, Dim(2)));
  EXPECT_EQ(ceil_div(a, Dim(2)).to_string(), "ceildiv(a, 2)");
  EXPECT_EQ(mod(Dim(6) * a + Dim(5), Dim(3)), Dim(2));
  EXPECT_EQ(mod(mod(a, Dim(12)), Dim(4)), mod(a, Dim(4)));
  EXPECT_EQ(floor_div(a, Dim(2)).to_string(), "floordiv(a, 2)");
}

TEST(Dim, DividesLongSumsTermByTerm) {
  Dim sum = 0;
  for (int i = 0; i < 100; ++i) sum = sum + Dim::symbol("s" + std::to_string(i));
  EXPECT_EQ(floor_div(sum * a, a), sum);
  EXPECT_EQ(ceil_div(sum * a, a), sum);
  EXPECT_EQ(mod(sum * a, a), Dim(0));
}

TEST(Dim, FoldsMinAndMaxOfWhatIsProvablyOrdered) {
  EXPECT_EQ(min(a, a + b), a);
  EXPECT_EQ(max(a, Dim(0)), a);
  EXPECT_EQ(min(min(a, b), a), min(b, a));
  EXPECT_EQ(max(Dim(3), Dim(7)), Dim(7));
  EXPECT_EQ(min(floor_div(a, Dim(2)), a), floor_div(a, Dim(2)));
  EXPECT_FALSE(provably_at_least(a, b));
  EXPECT_FALSE(provably_at_least(a - Dim(1), Dim(0)));
  EXPECT_TRUE(provably_at_least(a * b + a, a));
}

TEST(Dim, KeepsWhatWouldOverflowAndFailsOnEvaluation) {
  const Dim huge = Dim(INT64_MAX) * Dim(2);
  EXPECT_FALSE(huge.is_number());
  ASSERT_FALSE(huge.evaluate({}));
  EXPECT_EQ(huge.evaluate({}).error().code(), ErrorCode::kConstraintViolated);
  EXPECT_EQ((a * b).evaluate({{"a", INT64_MAX}, {"b", 3}}).error().code(), ErrorCode::kConstraintViolated);
  EXPECT_EQ(*(a * b).evaluate({{"a", INT64_MAX}, {"b", 0}}), 0);
  EXPECT_EQ((a + b).evaluate({{"a", INT64_MAX}, {"b", 1}}).error().code(), ErrorCode::kConstraintViolated);
  EXPECT_EQ(*(a - b).evaluate({{"a", INT64_MIN + 5}, {"b", 5}}), INT64_MIN);
  EXPECT_FALSE(floor_div(Dim(INT64_MIN), Dim(-1)).is_number());
  for (const Dim& dim :
       {huge, huge + a, huge * a, (huge + Dim(INT64_MAX)) * (a + b), Dim(INT64_MIN) * Dim(-1),
        Dim(INT64_MIN) * a + Dim(INT64_MIN), (Dim(INT64_MAX) * a + b) + Dim(INT64_MAX) * a}) {
    const auto again = parse_dim(dim.to_string());
    ASSERT_TRUE(again) << dim.to_string();
    EXPECT_EQ(*again, dim) << dim.to_string() << " read as " << again->to_string();
  }
}

TEST(Dim, DivisionByZeroIsAnErrorThatNamesTheExpression) {
  const auto seen = floor_div(a, b - c).evaluate({{"a", 4}, {"b", 2}, {"c", 2}});
  ASSERT_FALSE(seen);
  EXPECT_EQ(seen.error().code(), ErrorCode::kConstraintViolated);
  EXPECT_NE(seen.error().message().find("floordiv(a, b - c)"), std::string::npos) << seen.error().message();
}

TEST(Dim, UnboundSymbolIsNamed) {
  const auto seen = (a + Dim::symbol("seq")).evaluate({{"a", 1}});
  ASSERT_FALSE(seen);
  EXPECT_EQ(seen.error().code(), ErrorCode::kUnboundSymbol);
  EXPECT_NE(seen.error().message().find("`seq`"), std::string::npos);
}

TEST(Dim, GrowthEndsInAnExpressionThatCannotBeEvaluated) {
  Dim deep = a;
  for (int i = 0; i < 5000; ++i) deep = mod(deep * a + Dim(i), b + Dim(i));
  EXPECT_LT(deep.to_string().size(), 100000u);
  Dim wide = a;
  for (int i = 0; i < 40; ++i) wide = wide * wide + b;
  EXPECT_FALSE(wide.evaluate({{"a", 1}, {"b", 1}}));
  EXPECT_TRUE(parse_dim(wide.to_string()));
}

TEST(ParseDim, RefusesHostileText) {
  const auto refused = [](const std::string& text) {
    const auto dim = parse_dim(text);
    return !dim && dim.error().code() == ErrorCode::kParseError;
  };
  EXPECT_TRUE(refused(""));
  EXPECT_TRUE(refused("a +"));
  EXPECT_TRUE(refused("a b"));
  EXPECT_TRUE(refused("9223372036854775808"));
  EXPECT_TRUE(refused("sqrt(a)"));
  EXPECT_TRUE(refused("mod(a)"));
  EXPECT_TRUE(refused(std::string(100000, '(')));
  EXPECT_TRUE(refused(std::string(100000, '-')));
  EXPECT_EQ(*parse_dim("-9223372036854775808"), Dim(INT64_MIN));
  EXPECT_EQ(*parse_dim(" 2*(a+1) - min ( a , b )"), Dim(2) * a + Dim(2) - min(a, b));
  EXPECT_EQ(*parse_dim("min"), Dim::symbol("min"));
  const auto bad = parse_dim("a + $");
  EXPECT_NE(bad.error().message().find("column 5"), std::string::npos) << bad.error().message();
}

}  // namespace
}  // namespace rlx
