// SPDX-License-Identifier: Apache-2.0
// An arena plan as a picture that any browser shows: steps from left to right, offsets from bottom to top. Colours say what
// kind of op wrote a value; the grey area is what is alive at each step.
#include <rlx/host/report.hpp>

#include <algorithm>
#include <cstdio>
#include <map>

#include "runtime/base/check.h"
#include "runtime/base/utf8.h"

namespace rlx {
namespace {

constexpr double kLeft = 96, kTop = 76, kWidth = 1160, kHeight = 560, kBottom = 64, kLegend = 190;
constexpr std::size_t kMostLegend = 14;

// Twelve colours that stay apart for most eyes, then they repeat.
constexpr const char* kColours[] = {"#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#76b7b2", "#edc948",
                                    "#b07aa1", "#ff9da7", "#9c755f", "#86bcb6", "#d37295", "#8cd17d"};

std::string fixed(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", value);
  return text;
}

std::string bytes_text(double bytes) {
  const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  int unit = 0;
  for (; bytes >= 1024 && unit < 4; ++unit) bytes /= 1024;
  char text[32];
  std::snprintf(text, sizeof text, bytes < 10 && unit ? "%.2f %s" : bytes < 100 && unit ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
  return text;
}

/// A round distance that gives four to ten ticks: a power of two of bytes, or 1, 2, 5 x 10^n steps.
double tick_of_bytes(double range) {
  double tick = 1;
  while (range / tick > 8) tick *= 2;
  return tick;
}
std::uint32_t tick_of_steps(std::uint32_t range) {
  std::uint32_t tick = 1;
  for (const std::uint32_t factor : {2u, 5u, 10u, 20u, 50u, 100u, 200u, 500u, 1000u, 2000u, 5000u, 10000u, 20000u, 50000u, 100000u})
    if (range / tick > 14) tick = factor;
  return tick;
}

class Picture {
 public:
  Picture(const PlanReport& plan, std::string_view title) : plan_(plan), title_(title) {
    steps_ = std::max<std::uint32_t>(1, static_cast<std::uint32_t>(plan.steps.size()));
    for (const PlanValue& value : plan.values) {
      top_ = std::max(top_, static_cast<double>(value.offset) + static_cast<double>(value.bytes));
      steps_ = std::max(steps_, value.last_step + 1);
      bytes_by_op_[value.op] += static_cast<double>(value.bytes);
    }
    rank_colours();
  }

  std::string draw() {
    head();
    axes();
    alive_area();
    for (const PlanValue& value : plan_.values) rectangle(value);
    peak_line();
    legend();
    out_ += "</svg>\n";
    return std::move(out_);
  }

 private:
  double x(double step) const { return kLeft + step / steps_ * kWidth; }
  double y(double bytes) const { return kTop + kHeight - (top_ > 0 ? bytes / (top_ * 1.06) * kHeight : 0); }

  void rank_colours() {
    for (const auto& [op, bytes] : bytes_by_op_) ranked_.emplace_back(bytes, op);
    std::stable_sort(ranked_.begin(), ranked_.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    for (std::size_t i = 0; i < ranked_.size(); ++i) colours_[ranked_[i].second] = kColours[i % std::size(kColours)];
  }

  void text(double at_x, double at_y, std::string_view what, std::string_view attributes = "") {
    out_ += join("<text x=\"", fixed(at_x), "\" y=\"", fixed(at_y), "\" ", attributes, ">", xml_text(what), "</text>\n");
  }

  void head() {
    const std::string width = fixed(kLeft + kWidth + kLegend), height = fixed(kTop + kHeight + kBottom);
    out_ += join("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 ", width, " ", height,
                 "\" width=\"", width, "\" height=\"", height, "\" font-family=\"system-ui, Helvetica, Arial, sans-serif\" font-size=\"12\">\n");
    out_ += "<style>.v{stroke:#fff;stroke-width:0.6}.v:hover{stroke:#111;stroke-width:1.6}.g{stroke:#e3e6ea}.t{fill:#5b6470}.l{fill:#fff;pointer-events:none}</style>\n";
    out_ += "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n";
    text(kLeft, 30, title_, "font-size=\"17\" font-weight=\"600\" fill=\"#1c2128\"");
    text(kLeft, 50, join("arena ", bytes_text(static_cast<double>(plan_.arena_bytes)), "; busiest step ", plan_.busiest_step, " has ",
                         bytes_text(static_cast<double>(plan_.busiest_bytes)), " alive; ", plan_.values.size(), " values, ", plan_.steps.size(), " steps"),
         "class=\"t\"");
  }

  void axes() {
    const double tick = tick_of_bytes(std::max(1.0, top_));
    for (double bytes = 0; bytes <= top_ * 1.0001; bytes += tick) {
      out_ += join("<line class=\"g\" x1=\"", fixed(kLeft), "\" x2=\"", fixed(kLeft + kWidth), "\" y1=\"", fixed(y(bytes)), "\" y2=\"", fixed(y(bytes)), "\"/>\n");
      text(kLeft - 8, y(bytes) + 4, bytes_text(bytes), "class=\"t\" text-anchor=\"end\"");
    }
    const std::uint32_t step_tick = tick_of_steps(steps_);
    for (std::uint32_t step = 0; step < steps_; step += step_tick)
      text(x(step + 0.5), kTop + kHeight + 18, std::to_string(step), "class=\"t\" text-anchor=\"middle\"");
    text(kLeft + kWidth / 2, kTop + kHeight + 42, "step (one op each, in schedule order)", "class=\"t\" text-anchor=\"middle\"");
    out_ += join("<text class=\"t\" text-anchor=\"middle\" transform=\"translate(20 ", fixed(kTop + kHeight / 2), ") rotate(-90)\">offset in the arena</text>\n");
  }

  /// Bytes alive at each step, stacked from zero: the part of the arena that is not just kept free for later.
  void alive_area() {
    std::map<std::uint32_t, double> change;
    for (const PlanValue& value : plan_.values) {
      change[value.first_step] += static_cast<double>(value.bytes);
      change[value.last_step + 1] -= static_cast<double>(value.bytes);
    }
    std::string path = join("M", fixed(x(0)), " ", fixed(y(0)));
    double now = 0;
    for (const auto& [step, bytes] : change) {
      path += join("L", fixed(x(step)), " ", fixed(y(now)));
      now += bytes;
      path += join("L", fixed(x(step)), " ", fixed(y(now)));
    }
    out_ += join("<path d=\"", path, "Z\" fill=\"#f0f2f5\"/>\n");
  }

  void rectangle(const PlanValue& value) {
    const auto offset = static_cast<double>(value.offset), bytes = static_cast<double>(value.bytes);
    const double left = x(value.first_step), right = x(value.last_step + 1), high = y(offset + bytes), low = y(offset);
    std::string dims;
    for (const std::int64_t dim : value.dims) dims += join(dims.empty() ? "" : ", ", dim);
    out_ += join("<rect class=\"v\" x=\"", fixed(left), "\" y=\"", fixed(high), "\" width=\"", fixed(right - left), "\" height=\"", fixed(low - high),
                 "\" rx=\"1.5\" fill=\"", colours_[value.op], "\"><title>", xml_text(value.name), "\n", xml_text(value.op), " ", dtype_name(value.dtype),
                 "[", dims, "], ", value.bytes, " bytes (", bytes_text(bytes), ")\noffset ", value.offset, ", steps ", value.first_step, " to ",
                 value.last_step, "</title></rect>\n");
    const auto letters = static_cast<std::size_t>(std::max(0.0, right - left - 6) / 5.8);
    const std::string& label = value.name.size() <= letters ? value.name : value.op;
    if (low - high < 15 || letters < 5) return;
    text(left + 4, (low + high) / 2 + 4, label.size() <= letters ? label : label.substr(0, letters - 2) + "..", "class=\"l\" font-size=\"10.5\"");
  }

  void peak_line() {
    const double height = y(static_cast<double>(plan_.arena_bytes));
    out_ += join("<line x1=\"", fixed(kLeft), "\" x2=\"", fixed(kLeft + kWidth), "\" y1=\"", fixed(height), "\" y2=\"", fixed(height),
                 "\" stroke=\"#c0392b\" stroke-width=\"1.4\" stroke-dasharray=\"7 4\"/>\n");
    text(kLeft + kWidth, height - 6, join("peak ", bytes_text(static_cast<double>(plan_.arena_bytes))), "fill=\"#c0392b\" text-anchor=\"end\" font-weight=\"600\"");
    const double middle = x(plan_.busiest_step + 0.5);
    out_ += join("<line x1=\"", fixed(middle), "\" x2=\"", fixed(middle), "\" y1=\"", fixed(kTop + kHeight), "\" y2=\"", fixed(kTop + kHeight + 6),
                 "\" stroke=\"#c0392b\" stroke-width=\"2\"><title>busiest step ", plan_.busiest_step, "</title></line>\n");
  }

  void legend() {
    double at = kTop + 6;
    const double left = kLeft + kWidth + 18;
    text(left, at, "written by", "class=\"t\"");
    for (std::size_t i = 0; i < ranked_.size() && i < kMostLegend; ++i) {
      at += 21;
      out_ += join("<rect x=\"", fixed(left), "\" y=\"", fixed(at - 10), "\" width=\"12\" height=\"12\" rx=\"2\" fill=\"", colours_[ranked_[i].second], "\"/>\n");
      text(left + 18, at, ranked_[i].second, "fill=\"#1c2128\"");
    }
    if (ranked_.size() > kMostLegend) text(left, at + 21, join("and ", ranked_.size() - kMostLegend, " more"), "class=\"t\"");
    at += 34;
    out_ += join("<rect x=\"", fixed(left), "\" y=\"", fixed(at - 10), "\" width=\"12\" height=\"12\" fill=\"#f0f2f5\" stroke=\"#cfd4da\"/>\n");
    text(left + 18, at, "bytes alive", "class=\"t\"");
  }

  const PlanReport& plan_;
  std::string title_;
  std::uint32_t steps_ = 1;
  double top_ = 0;
  std::map<std::string, double> bytes_by_op_;
  std::vector<std::pair<double, std::string>> ranked_;
  std::map<std::string, std::string> colours_;
  std::string out_;
};

}  // namespace

std::string PlanReport::to_svg(std::string_view title) const { return Picture(*this, title).draw(); }

}  // namespace rlx
