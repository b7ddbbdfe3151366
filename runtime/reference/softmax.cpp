// SPDX-License-Identifier: Apache-2.0
// Bounds: scores that move by t_j give weights p_i e^{t_i} / sum p_j e^{t_j}, greatest where i rises and the
// rest falls.
#include "runtime/reference/softmax.h"

#include <algorithm>

namespace rlx::reference {
namespace {

/// Errors of x - max and of exp, as a move of the exponent; twice. Also of exp2 with a folded factor.
double moved(const Unit& unit, Num x, double greatest) {
  if (std::isinf(x.v)) return x.e > 0 ? kInfinity : 0;
  return x.e + 2 * unit.u * (3 * (std::fabs(x.v - greatest) + x.e) + 8);
}

struct Sums {
  double greatest = -kInfinity;
  double sum = 0, low = 0, high = 0;  // of exp(x - greatest), with every t_j against and with it
  double squares = 0, largest = 0;    // of weights x moves; of moves that weigh
  bool nan = false;

  Sums(const Unit& unit, const std::vector<Num>& row, bool bounds) {
    for (const Num& x : row) greatest = std::max(greatest, x.v), nan = nan || std::isnan(x.v);
    nan = nan || std::isinf(greatest);
    for (const Num& x : row) {
      const double weight = std::exp(x.v - greatest);
      sum += weight;
      if (!bounds) continue;
      const double t = moved(unit, x, greatest);
      low += std::isinf(t) ? 0 : weight * std::exp(-t);
      high += std::isinf(t) ? kInfinity : weight * std::exp(t);
      squares += weight > 0 ? weight * weight * t * t : 0;
      largest = std::max(largest, weight > 0 ? t : 0);
    }
  }
};

}  // namespace

double softmax(const Unit& unit, std::vector<Num>& row, bool bounds) {
  const Sums s(unit, row, bounds);
  for (Num& x : row) {
    if (s.nan) {
      x = {NAN, 0};
      continue;
    }
    const double weight = std::exp(x.v - s.greatest), p = weight / s.sum;
    double e = 0;
    if (bounds) {
      const double t = moved(unit, x, s.greatest), up = weight * std::exp(t), down = weight * std::exp(-t);
      const double most = up / (std::max(s.low - down, 0.0) + up), least = down / (s.high - up + down);
      e = std::max(most - p, p - least);
      // Independent moves: first order, with a fifth for what that leaves out.
      if (unit.independent && s.largest < 0.25)
        e = std::fmin(e, 1.2 * p *
                             std::hypot(t * (1 - p), std::sqrt(std::fmax(
                                                         s.squares / (s.sum * s.sum) - p * p * t * t, 0))));
      if (!(e <= 1)) e = 1;
      if (weight == 0 && x.e == 0) e = 0;
    }
    x = {p, e};
  }
  return 2 * (gamma(unit, static_cast<double>(row.size()) + 1) + 6 * unit.u);
}

void log_softmax(const Unit& unit, std::vector<Num>& row, bool bounds) {
  const Sums s(unit, row, bounds);
  const double log_sum = std::log(s.sum);
  for (Num& x : row) {
    if (s.nan) {
      x = {NAN, 0};
      continue;
    }
    const double y = x.v - s.greatest - log_sum;
    double e = 0;
    if (bounds && std::isfinite(y)) {
      e = x.e + std::max(std::log(s.high / s.sum), -std::log(s.low / s.sum));
      e += 2 * (gamma(unit, static_cast<double>(row.size()) + 1) +
                unit.u * (2 * std::fabs(x.v - s.greatest) + 2 * std::fabs(y) + 7 * std::fabs(log_sum)));
      if (std::isnan(e)) e = kInfinity;
    } else if (x.e > 0) {
      e = kInfinity;
    }
    x = {y, e};
  }
}

}  // namespace rlx::reference
