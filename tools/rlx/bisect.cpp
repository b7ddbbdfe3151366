// SPDX-License-Identifier: Apache-2.0
// rlx bisect MODEL: the first op whose result on a device is past its error bound. The graph is recomputed segment by
// segment, each on the reference's values of the one before: bounds stay those of a few ops, and nothing large is kept.
#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "npz.h"
#include "segments.h"
#include "verify.h"
#include "whole_file.h"

namespace rlx_tool {
namespace {

namespace po = boost::program_options;

struct BisectOptions : VerifyOptions {
  std::size_t segment = 16;
  std::string out = "repro";
};

/// Values of the reference by id, as long as an op to come reads them.
class Values {
 public:
  explicit Values(const TextGraph& graph) {
    for (std::size_t i = 0; i < graph.ops.size(); ++i)
      for (const std::string& id : graph.ops[i].operands) last_[id] = i;
  }
  void put(const std::string& id, const rlx::Tensor& value) { values_[id] = value; }
  void drop_before(std::size_t op) {
    std::erase_if(values_, [&](const auto& entry) {
      const auto last = last_.find(entry.first);
      return last == last_.end() || last->second < op;
    });
  }
  /// Inputs of a segment, by the names that it gives them.
  std::vector<rlx::NamedTensor> inputs(const TextGraph& graph, const Segment& segment) const {
    std::vector<rlx::NamedTensor> out;
    for (const std::string& id : segment.inputs) {
      const auto own = graph.inputs.find(id);
      if (const auto found = values_.find(id); found != values_.end())
        out.push_back({own == graph.inputs.end() ? value_name(id) : quoted_name(own->second), found->second});
    }
    return out;
  }

 private:
  std::map<std::string, std::size_t> last_;
  std::map<std::string, rlx::Tensor> values_;
};

/// Weights of the model that the text names.
std::vector<rlx::ParamSource> weights_of(const rlx::Model& model, const TextGraph& graph, const Segment& segment) {
  std::set<std::string> names;
  for (const std::string& id : segment.constants) names.insert(quoted_name(graph.constants.at(id)));
  std::vector<rlx::ParamSource> out;
  for (const rlx::ParamSource& weight : model.weights())
    if (names.count(weight.name)) out.push_back(weight);
  return out;
}

struct Bisection {
  VerifyCase& made;
  TextGraph graph;
  Values values;
  double worst = 0;       ///< of all ops so far
  std::size_t worst_op = 0;
  std::size_t unproven = 0;         ///< results of which every bound is too wide to say anything
  std::size_t unproven_op = 0;      ///< the first of those
};

/// Runs ops first .. last - 1. Returns the place of the first op past its bound, or `last`; `found` then holds its result.
rlx::Result<std::size_t> run_segment(Bisection& b, std::size_t first, std::size_t last, std::vector<Compared>& found) {
  const Segment segment = segment_of(b.graph, first, last);
  auto model = rlx::model_from_text(segment.text, weights_of(b.made.model, b.graph, segment));
  if (!model) return std::move(model.error()).within("ops " + std::to_string(first) + " to " + std::to_string(last - 1) + " cannot be cut out");
  auto results = b.made.beside.run("segment", *model, b.made.binding, b.values.inputs(b.graph, segment), b.made.params);
  if (!results) return std::move(results.error()).within("ops " + std::to_string(first) + " to " + std::to_string(last - 1));
  std::map<std::string, const Compared*> by_name;
  for (const Compared& each : *results) by_name[each.name] = &each;
  for (std::size_t i = first; i < last; ++i)
    for (const std::string& id : b.graph.ops[i].results) {
      const Compared& result = *by_name.at(value_name(id));
      if (!result.distance.good()) {
        found = {result};
        return i;
      }
      if (!result.distance.proves() && b.unproven++ == 0) b.unproven_op = i;
      if (result.distance.worst > b.worst) b.worst = result.distance.worst, b.worst_op = i;
    }
  for (const std::string& id : segment.outputs) b.values.put(id, by_name.at(value_name(id))->expected);
  return last;
}

/// The one op as a model, and its data: FILE.mir and FILE.npz.
rlx::Status write_repro(const Bisection& b, std::size_t op, const std::string& base) {
  const Segment segment = segment_of(b.graph, op, op + 1);
  if (auto status = write_whole(base + ".mir", segment.text); !status) return status;
  std::vector<rlx::NamedTensor> data = b.values.inputs(b.graph, segment);
  for (const rlx::ParamSource& weight : weights_of(b.made.model, b.graph, segment)) {
    rlx::Tensor copy(weight.view.dtype, weight.view.dims);
    if (copy.bytes() == weight.view.bytes && copy.bytes()) std::copy_n(static_cast<const char*>(weight.view.data), copy.bytes(), static_cast<char*>(copy.data()));
    data.push_back({weight.name, std::move(copy)});
  }
  return write_npz(base + ".npz", data);
}

std::string what_op(const TextGraph& graph, std::size_t op) {
  std::string out = "op " + std::to_string(op) + " of " + std::to_string(graph.ops.size()) + ", " + graph.ops[op].kind;
  for (std::size_t i = 0; i < graph.ops[op].results.size(); ++i) out += std::string(i ? ", " : " -> ") + graph.ops[op].results[i] + " " + graph.ops[op].types[i];
  return out;
}

/// As a shell reads one word.
std::string shell_word(const std::string& text) {
  const auto plain = [](unsigned char c) { return std::isalnum(c) || std::strchr("_./:=@%+,-", c); };
  if (!text.empty() && std::all_of(text.begin(), text.end(), plain)) return text;
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? "'\\''" : std::string(1, c);
  return quoted + "'";
}

int show_found(const BisectOptions& options, Bisection& b, std::size_t op, const Compared& result) {
  std::printf("%s is the first past its bound\n  result %s: %s\n", what_op(b.graph, op).c_str(), result.name.c_str(), distance_text(result.distance).c_str());
  if (auto status = write_repro(b, op, options.out); !status) return report(status.error());
  std::string rest = options.search.only_plugins ? " --only-plugins" : "";
  for (const std::string& path : options.search.plugins) rest += " --plugins " + shell_word(path);
  for (const auto& [symbol, size] : b.made.binding) rest += " --bind " + symbol + "=" + std::to_string(size);
  std::printf("  again  rlx verify %s.mir --input %s.npz --device %s%s\n", shell_word(options.out).c_str(), shell_word(options.out).c_str(), b.made.beside.device().name().c_str(), rest.c_str());
  return kFailed;
}

int bisect(const BisectOptions& options) {
  auto runtime = rlx::Runtime::discover(options.search.runtime());
  if (!runtime) return report(runtime.error());
  auto made = open_case(options, *runtime);
  if (!made) return report(made.error());
  const auto text = made->made.dump("mir");
  if (!text) return report(text.error());
  auto graph = read_graph(*text);
  if (!graph) return report(graph.error());
  Bisection b{*made, *graph, Values(*graph)};
  for (const auto& [id, line] : b.graph.inputs)
    for (const rlx::NamedTensor& input : made->inputs)
      if (input.name == quoted_name(line)) b.values.put(id, input.tensor);
  for (const std::string& note : made->notes) std::printf("%s\n", note.c_str());
  for (std::size_t first = 0; first < b.graph.ops.size(); first += options.segment) {
    const std::size_t last = std::min(first + options.segment, b.graph.ops.size());
    b.values.drop_before(first);
    std::vector<Compared> found;
    auto op = run_segment(b, first, last, found);
    if (!op) return report(op.error());
    if (*op == last) continue;
    // The ops before it are right: once more, so that the operands of this one are there for the repro.
    if (*op > first)
      if (std::vector<Compared> none; const auto before = run_segment(b, first, *op, none)) static_cast<void>(*before);
    return show_found(options, b, *op, found[0]);
  }
  std::printf("every one of %zu ops lies within its bound on %s, %s", b.graph.ops.size(), made->beside.device().name().c_str(), binding_text(made->binding).c_str());
  if (!b.graph.ops.empty()) std::printf("; the worst uses %.3g of it: %s", b.worst, what_op(b.graph, b.worst_op).c_str());
  if (b.unproven) std::printf("; of %zu results nothing is proven, every bound being too wide: first %s", b.unproven, what_op(b.graph, b.unproven_op).c_str());
  std::printf("\n");
  return kDone;
}

}  // namespace

int bisect_command(const Arguments& arguments) {
  BisectOptions bisecting;
  po::options_description options("Options");
  bisecting.describe(options);
  options.add_options()("segment", po::value(&bisecting.segment)->value_name("N"), "ops that are recomputed at once; default 16")  //
      ("out,o", po::value(&bisecting.out)->value_name("NAME"), "the op alone goes to NAME.mir and NAME.npz; default: repro");
  po::positional_options_description positional;
  positional.add("model", 1);
  const char* usage =
      "Usage: rlx bisect MODEL [--device D] [--bind batch=8] [--input X.npz] [--out NAME]\n"
      "Names the first op whose result on a device is past its error bound, and writes it as a model of its own with its data.\n"
      "Exit code: 0 every op lies within its bound, 1 one does not, 2 usage.";
  if (const int stop = parse(arguments, options, positional, usage); stop >= 0) return stop;
  if (bisecting.segment < 1) return report(rlx::Error(rlx::ErrorCode::kUsage, "--segment: wanted at least 1"));
  return bisect(bisecting);
}

}  // namespace rlx_tool
