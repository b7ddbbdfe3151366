// SPDX-License-Identifier: Apache-2.0
// The files of tests/fixtures/onnx (made by bench/fixtures/make_onnx_cases.py) and ways to look at what
// became of them.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "runtime/import/onnx/import.h"

namespace rlx::onnx_import {

inline std::string fixture(const std::string& name) {
  return std::string(RLX_FIXTURES) + "/onnx/" + name + ".onnx";
}

inline std::string fixture_bytes(const std::string& name) {
  std::ifstream file(fixture(name), std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline Result<Model> import(const std::string& name) { return import_file(fixture(name)); }

inline Result<Model> import_text(const std::string& bytes) {
  return import_bytes(std::as_bytes(std::span(bytes.data(), bytes.size())), "");
}

/// The model's text, or the error's.
inline std::string text_of(const std::string& name) {
  const auto model = import(name);
  return model ? model->to_text() : model.error().to_string();
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace rlx::onnx_import
