// SPDX-License-Identifier: Apache-2.0
// The table of defects against the sources that they are in, and a dozen of them at work through the host: each must count that
// it acted, and answer other than C0 does.
#include <gtest/gtest.h>
#include <rlx/ops.h>
#include <rlx/host/pipeline.hpp>
#include <rlx/host/runtime.hpp>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <regex>
#include <set>

namespace {

namespace fs = std::filesystem;
using rlx::DType;
using rlx::Handle;
using rlx::ModelBuilder;
using rlx::Tensor;

std::string text_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Lines of a table that begin with `first`, by their number.
std::map<std::string, std::string> table(const char* name, const std::string& first) {
  std::map<std::string, std::string> rows;
  std::istringstream lines(text_of(fs::path(RLX_FAULTY_SOURCES) / name));
  for (std::string line; std::getline(lines, line);)
    if (!line.empty() && first.find(line[0]) != std::string::npos) {
      const std::string number = line.substr(0, line.find(' '));
      EXPECT_TRUE(rows.emplace(number, line).second) << number << " is there twice";
    }
  return rows;
}

std::string all_sources() {
  std::string text;
  for (const auto& entry : fs::directory_iterator(RLX_FAULTY_SOURCES))
    if (entry.path().extension() == ".cpp" || entry.path().extension() == ".h") text += text_of(entry.path());
  return text;
}

std::set<std::string> matches(const std::string& text, const char* pattern) {
  std::set<std::string> found;
  const std::regex regex(pattern);
  for (std::sregex_iterator at(text.begin(), text.end(), regex), end; at != end; ++at) found.insert((*at)[1]);
  return found;
}

TEST(FaultTable, ListsExactlyWhatTheSourcesHave) {
  const auto rows = table("faults.txt", "0123456789");
  EXPECT_GE(rows.size(), 100u);
  std::set<std::string> listed;
  for (const auto& [number, line] : rows) {
    listed.insert(number);
    EXPECT_TRUE(std::regex_match(line, std::regex("[0-9]+ [A-Za-z0-9-]+ [A-Z]{3}-[0-9]{2}(,[A-Z]{3}-[0-9]{2})* [^ ].*\\."))) << line;
  }
  std::set<std::string> seeded = matches(all_sources(), "RLX_FAULT == ([0-9]+)\\b");
  EXPECT_EQ(seeded, listed);
}

TEST(FaultTable, EveryControlHasItsBuildOption) {
  const std::string sources = all_sources();
  for (const auto& [number, line] : table("controls.txt", "CH")) {
    std::smatch match;
    ASSERT_TRUE(std::regex_match(line, match, std::regex("[CH][0-9]+ [a-z0-9-]+ (RLX_C0_[A-Z0-9_]+) [^ ].*\\."))) << line;
    EXPECT_NE(sources.find(match[1]), std::string::npos) << line;
  }
}

/// Of C0 nothing that belongs to a defect is left in the file.
TEST(FaultTable, C0HasNoCounterAndLibrariesDiffer) {
  const std::string c0 = text_of(RLX_C0_PLUGIN);
  ASSERT_GT(c0.size(), 10000u);
  EXPECT_EQ(c0.find("RLX_FAULT_COUNTER"), std::string::npos);
  std::size_t seen = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(RLX_C0_PLUGIN).parent_path())) {
    if (entry.path() == fs::path(RLX_C0_PLUGIN) || entry.path().extension() != ".so") continue;
    ++seen;
    EXPECT_NE(text_of(entry.path()), c0) << entry.path();
  }
  EXPECT_GE(seen, 12u);
}

// ---- At work --------------------------------------------------------------------------------------------------------------

struct Run {
  bool ok = false;
  std::vector<std::vector<char>> outputs;
  std::string error;
  bool operator==(const Run& other) const { return ok == other.ok && outputs == other.outputs; }
};

/// A small model, and how often it runs; what the last run gave counts.
struct Spot {
  int number;
  std::function<void(ModelBuilder&)> build;
  std::vector<Tensor> inputs;
  int runs = 1;
};

Tensor floats(std::vector<std::int64_t> dims, float first, float step) {
  Tensor tensor(DType::kF32, std::move(dims));
  float value = first;
  for (float& element : tensor.f32()) element = value, value += step;
  return tensor;
}

Tensor wholes(std::vector<std::int64_t> dims, const std::vector<std::int64_t>& values) {
  Tensor tensor(DType::kI64, std::move(dims));
  std::memcpy(tensor.data(), values.data(), tensor.bytes());
  return tensor;
}

rlx::OpAttribute attribute(std::uint32_t key, std::int64_t value) {
  rlx::OpAttribute out;
  out.key = key;
  out.size = value;
  return out;
}

rlx::OpAttribute axes(std::initializer_list<std::int64_t> values) {
  rlx::OpAttribute out;
  out.key = RLX_ATTR_AXES;
  out.kind = rlx::OpAttribute::Kind::kSizes;
  for (const std::int64_t value : values) out.sizes.push_back(value);
  return out;
}

Run run(const std::string& path, const Spot& spot) {
  Run out;
  rlx::RuntimeOptions options;
  options.plugin_paths = {path};
  options.only_plugin_paths = true;
  auto runtime = rlx::Runtime::discover(options);
  const auto device = runtime ? runtime->device("c0") : rlx::Result<rlx::Device>(runtime.error());
  if (!device) return out.error = device.error().to_string(), out;
  ModelBuilder b("spot");
  spot.build(b);
  rlx::CompileOptions compile;
  compile.fuse = false;
  const auto model = b.finish();
  if (!model) return out.error = model.error().to_string(), out;
  auto session = rlx::Session::compile(*device, *model, compile);
  if (!session) return out.error = session.error().to_string(), out;
  std::vector<rlx::NamedView> views;
  for (std::size_t n = 0; n < spot.inputs.size(); ++n) views.push_back({"x" + std::to_string(n), spot.inputs[n].view()});
  for (int n = 0; n < spot.runs; ++n) {
    const auto outputs = session->run(views);
    if (!outputs) return out.error = outputs.error().to_string(), out;
    out.outputs.clear();
    for (const rlx::NamedTensor& output : *outputs) {
      const char* data = static_cast<const char*>(output.tensor.data());
      out.outputs.emplace_back(data, data + output.tensor.bytes());
    }
  }
  out.ok = true;
  return out;
}

std::uint64_t counted(const fs::path& path) {
  std::uint64_t count = 0;
  const std::string bytes = text_of(path);
  if (bytes.size() >= sizeof count) std::memcpy(&count, bytes.data(), sizeof count);
  return count;
}

void expect_shows(const Spot& spot) {
  SCOPED_TRACE(spot.number);
  const fs::path counter = fs::path(::testing::TempDir()) / ("rlx_fault_" + std::to_string(spot.number));
  std::ofstream(counter, std::ios::binary) << std::string(8, '\0');
  ASSERT_EQ(setenv("RLX_FAULT_COUNTER", counter.c_str(), 1), 0);
  const fs::path folder = fs::path(RLX_C0_PLUGIN).parent_path();
  const Run right = run(RLX_C0_PLUGIN, spot), wrong = run(folder / ("fault_" + std::to_string(spot.number) + ".so"), spot);
  EXPECT_TRUE(right.ok || right.error.find("value") != std::string::npos) << right.error;
  EXPECT_FALSE(right == wrong) << "it answers as C0 does " << wrong.error;
  EXPECT_GT(counted(counter), 0u);
  fs::remove(counter);
}

Handle input(ModelBuilder& b, int n, const Tensor& tensor) {
  rlx::Sizes dims;
  for (const std::int64_t dim : tensor.dims()) dims.push_back(dim);
  return b.input("x" + std::to_string(n), tensor.dtype(), dims);
}

/// A model of one op over inputs as they are.
Spot one_op(int number, std::uint32_t opcode, std::vector<rlx::OpAttribute> attributes, std::vector<Tensor> inputs, int runs = 1) {
  const auto build = [=](ModelBuilder& b) {
    std::vector<Handle> operands;
    for (std::size_t n = 0; n < inputs.size(); ++n) operands.push_back(input(b, static_cast<int>(n), inputs[n]));
    b.set_outputs(b.op(opcode, operands, attributes));
  };
  return {number, build, inputs, runs};
}

TEST(Faults, OfPointwiseOpsShow) {
  const Tensor row = floats({4, 5}, -1, 0.3f), square = floats({4, 4}, 1, 1), wide = floats({1, 4}, 0, 10);
  expect_shows(one_op(20, RLX_OP_UNARY, {attribute(RLX_ATTR_FN, RLX_UNARY_EXP)}, {row}));
  expect_shows(one_op(22, RLX_OP_UNARY, {attribute(RLX_ATTR_FN, RLX_UNARY_EXP)}, {row}));
  expect_shows(one_op(26, RLX_OP_UNARY, {attribute(RLX_ATTR_FN, RLX_UNARY_ROUND_EVEN)}, {floats({3}, 0.5f, 1)}));
  expect_shows(one_op(15, RLX_OP_BINARY, {attribute(RLX_ATTR_FN, RLX_BINARY_ADD)}, {square, wide}));
  expect_shows(one_op(79, RLX_OP_UNARY, {attribute(RLX_ATTR_FN, RLX_UNARY_NEG)}, {row}, 17));
}

TEST(Faults, OfProductsShow) {
  const Tensor x = floats({5, 4}, -1, 0.3f), w = floats({4, 4}, 1, 0.25f);
  for (const int number : {6, 31, 36}) expect_shows(one_op(number, RLX_OP_LINEAR, {}, {x, w}));
}

TEST(Faults, OfFoldsAndNormsShow) {
  expect_shows(one_op(47, RLX_OP_REDUCE, {attribute(RLX_ATTR_FN, RLX_REDUCE_MAX), axes({1})}, {floats({2, 3}, -9, 1)}));
  expect_shows(one_op(53, RLX_OP_ARG_REDUCE, {attribute(RLX_ATTR_FN, RLX_REDUCE_MAX), attribute(RLX_ATTR_AXIS, 1)}, {floats({2, 3}, 1, 0)}));
  expect_shows(one_op(44, RLX_OP_SOFTMAX, {}, {floats({2, 3}, 100, 1)}));
  expect_shows(one_op(43, RLX_OP_SOFTMAX, {attribute(RLX_ATTR_AXIS, 1)}, {floats({2, 3, 2, 2}, 0, 0.5f)}));
  expect_shows(one_op(50, RLX_OP_LAYER_NORM, {}, {floats({2, 3}, 0, 1e-4f), floats({3}, 1, 0), floats({3}, 0, 0)}));
}

TEST(Faults, OfIndicesAndHeadsShow) {
  const std::vector<rlx::OpAttribute> negatives{attribute(RLX_ATTR_AXIS, 0), attribute(RLX_ATTR_NEGATIVE_INDICES, 1)};
  expect_shows(one_op(55, RLX_OP_GATHER, negatives, {floats({4, 2}, 1, 1), wholes({2}, {-1, 2})}));
  expect_shows(one_op(114, RLX_OP_GATHER, {attribute(RLX_ATTR_AXIS, 0)}, {floats({4, 2}, 1, 1), wholes({2}, {9, 2})}));
  const Tensor q = floats({1, 4, 3, 2}, -1, 0.1f), k = floats({1, 2, 3, 2}, 0.5f, -0.2f), v = floats({1, 2, 3, 2}, 0, 1);
  expect_shows(one_op(59, RLX_OP_ATTENTION, {attribute(RLX_ATTR_CAUSAL, RLX_CAUSAL_TOP_LEFT)}, {q, k, v}));
  expect_shows(one_op(62, RLX_OP_ATTENTION, {}, {q, k, v}));
}

}  // namespace
