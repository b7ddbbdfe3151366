// SPDX-License-Identifier: Apache-2.0
// Small ONNX graphs, imported and run on the backend beside the library, against what ONNX Runtime answered.
#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "support.h"

namespace {

using namespace rlx_test;
using rlx::DType;
using rlx::Tensor;

template <class T>
void fill(Tensor& tensor, const nlohmann::json& data) {
  auto* elements = static_cast<T*>(tensor.data());
  for (std::size_t i = 0; i < data.size(); ++i) elements[i] = data[i].is_boolean() ? static_cast<T>(data[i].get<bool>()) : data[i].get<T>();
}

Tensor tensor_of(const nlohmann::json& entry) {
  Tensor tensor(rlx::dtype_from_name(entry.at("dtype").get<std::string>()), entry.at("dims").get<std::vector<std::int64_t>>());
  const nlohmann::json& data = entry.at("data");
  switch (tensor.dtype()) {
    case DType::kF32: fill<float>(tensor, data); break;
    case DType::kI64: fill<std::int64_t>(tensor, data); break;
    case DType::kI32: fill<std::int32_t>(tensor, data); break;
    case DType::kBool: fill<std::uint8_t>(tensor, data); break;
    default: ADD_FAILURE() << "the fixture has dtype " << entry.at("dtype");
  }
  return tensor;
}

void expect_same(const std::string& name, const Tensor& seen, const Tensor& wanted) {
  ASSERT_EQ(seen.dtype(), wanted.dtype()) << name;
  ASSERT_EQ(seen.dims(), wanted.dims()) << name;
  for (std::size_t i = 0; i < wanted.f32().size(); ++i) {
    const float a = seen.f32()[i], b = wanted.f32()[i];
    const bool same = std::isfinite(b) ? std::fabs(a - b) <= 2e-5f + 2e-5f * std::fabs(b) : std::isnan(b) ? std::isnan(a) : a == b;
    ASSERT_TRUE(same) << name << "[" << i << "] is " << a << ", wanted " << b;
  }
  if (wanted.dtype() != DType::kF32 && wanted.bytes()) {
    EXPECT_EQ(std::memcmp(seen.data(), wanted.data(), wanted.bytes()), 0) << name;
  }
}

/// Every case with and without fusing: passes may change how, never what.
TEST(OnnxCases, AnswerAsOnnxRuntimeDid) {
  std::ifstream file(RLX_ONNX_CASES "/cases.json");
  const nlohmann::json cases = nlohmann::json::parse(file, nullptr, false);
  ASSERT_TRUE(cases.is_object() && cases.size() >= 10);
  const rlx::Device device = open_device();
  for (const auto& [name, entry] : cases.items())
    for (const bool fuse : {true, false}) {
      SCOPED_TRACE(name + (fuse ? ", fused" : ", as written"));
      const auto model = rlx::load_model(std::string(RLX_ONNX_CASES) + "/" + name + ".onnx");
      ASSERT_TRUE(model) << model.error().to_string();
      rlx::CompileOptions options;
      options.fuse = fuse;
      auto session = rlx::Session::compile(device, *model, options);
      ASSERT_TRUE(session) << session.error().to_string();
      std::vector<rlx::NamedTensor> inputs;
      for (const auto& [input, data] : entry.at("inputs").items()) inputs.push_back({input, tensor_of(data)});
      std::vector<rlx::NamedView> views;
      for (const rlx::NamedTensor& input : inputs) views.push_back({input.name, input.tensor.view()});
      const auto outputs = session->run(views);
      if (!outputs) {
        ADD_FAILURE() << outputs.error().to_string();
        continue;
      }
      for (const rlx::NamedTensor& output : *outputs) expect_same(output.name, output.tensor, tensor_of(entry.at("outputs").at(output.name)));
    }
}

}  // namespace
