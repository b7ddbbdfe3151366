// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/numeric/expected.h"

#include <cstring>
#include <fstream>
#include <iterator>

namespace rlx::conform {
namespace {

using reference::Tensor;

template <class T>
void put(std::string& out, const T& value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}
template <class T>
void put_list(std::string& out, const std::vector<T>& values) {
  put(out, static_cast<std::uint64_t>(values.size()));
  out.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

/// Reads what put wrote; after the end everything is zero and `good` false.
struct Reader {
  const std::string& bytes;
  std::size_t at = 0;
  bool good = true;
  template <class T>
  T number() {
    T value{};
    if (sizeof value > bytes.size() - at) return good = false, value;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    at += sizeof value;
    return value;
  }
  template <class T>
  std::vector<T> list() {
    const auto count = number<std::uint64_t>();
    if (!good || count > (bytes.size() - at) / sizeof(T)) return good = false, std::vector<T>();
    std::vector<T> values(count);
    if (count) std::memcpy(values.data(), bytes.data() + at, count * sizeof(T));
    at += count * sizeof(T);
    return values;
  }
};

Bytes view(const std::string& bytes) { return std::as_bytes(std::span(bytes.data(), bytes.size())); }

}  // namespace

Result<std::vector<Tensor>> expected_outputs(const std::string& image, const std::vector<std::string>& inputs,
                                             const std::vector<std::string>& params, reference::Precision precision) {
  std::vector<std::uint64_t> words((image.size() + 7) / 8);
  std::memcpy(words.data(), image.data(), image.size());
  RLX_ASSIGN(const reference::Program program,
             reference::Program::make({reinterpret_cast<const std::byte*>(words.data()), image.size()}));
  reference::RunMemory memory;
  for (const std::string& bytes : inputs) memory.inputs.push_back(view(bytes));
  for (const std::string& bytes : params) memory.params.push_back(view(bytes));
  reference::RunOptions options;
  options.bounds = true;
  options.precision = precision;
  RLX_ASSIGN(const std::vector<reference::TensorPtr> outputs, program.run_bounds(memory, options));
  std::vector<Tensor> out;
  for (const reference::TensorPtr& tensor : outputs) out.push_back(*tensor);
  return out;
}

std::string pack(const std::vector<Tensor>& tensors) {
  std::string out;
  put(out, static_cast<std::uint64_t>(tensors.size()));
  for (const Tensor& tensor : tensors) {
    put(out, static_cast<std::uint32_t>(tensor.dtype));
    put_list(out, tensor.dims);
    put_list(out, tensor.v);
    put_list(out, tensor.e);
    put_list(out, tensor.i);
    put(out, static_cast<std::uint64_t>(tensor.among.size()));
    for (const auto& [at, values] : tensor.among) {
      put(out, static_cast<std::uint64_t>(at));
      put_list(out, values);
    }
  }
  return out;
}

Result<std::vector<Tensor>> unpack(const std::string& bytes) {
  Reader reader{bytes};
  std::vector<Tensor> out;
  const auto count = reader.number<std::uint64_t>();
  for (std::uint64_t i = 0; i < count && reader.good; ++i) {
    Tensor tensor;
    tensor.dtype = static_cast<DType>(reader.number<std::uint32_t>());
    tensor.dims = reader.list<std::int64_t>();
    tensor.v = reader.list<double>();
    tensor.e = reader.list<double>();
    tensor.i = reader.list<std::int64_t>();
    const auto known = reader.number<std::uint64_t>();
    for (std::uint64_t n = 0; n < known && reader.good; ++n) {
      const auto at = reader.number<std::uint64_t>();
      tensor.among[at] = reader.list<std::int64_t>();
    }
    out.push_back(std::move(tensor));
  }
  if (!reader.good) return fail(ErrorCode::kInvalidArgument, "expected values: ", bytes.size(), " bytes, which are cut");
  return out;
}

Result<std::string> read_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(ErrorCode::kFileNotFound, "`", path, "` cannot be read");
  return std::string(std::istreambuf_iterator<char>(file), {});
}

Status write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!file.flush()) return fail(ErrorCode::kFileUnwritable, "`", path, "` cannot be written");
  return {};
}

}  // namespace rlx::conform
