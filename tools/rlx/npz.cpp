// SPDX-License-Identifier: Apache-2.0
// The .npy header is a Python dictionary of three keys; only that much Python is understood.
#include "npz.h"

#include <sys/stat.h>
#include <zip.h>

#include <cerrno>
#include <cstdio>
#include <ctime>
#include <cstring>
#include <memory>

#include "whole_file.h"

namespace rlx_tool {
namespace {

using rlx::DType;
using rlx::Error;
using rlx::ErrorCode;

constexpr time_t kFileTime = 946684800;  // 2000-01-01, seconds since 1970
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 36;

struct NumpyName {
  const char* text;
  DType dtype;
};
constexpr NumpyName kNames[] = {{"|b1", DType::kBool}, {"|i1", DType::kI8},  {"<i2", DType::kI16}, {"<i4", DType::kI32}, {"<i8", DType::kI64},
                                {"|u1", DType::kU8},   {"<u2", DType::kU16}, {"<u4", DType::kU32}, {"<u8", DType::kU64}, {"<f2", DType::kF16},
                                {"<f4", DType::kF32},  {"<f8", DType::kF64}};

Error damaged(const std::string& path, const std::string& entry, const std::string& why) {
  return Error(ErrorCode::kFileDamaged, "`" + path + "`, array `" + entry + "`: " + why);
}

/// "|b1, |i1, ...": what parse_npy takes.
std::string known_dtypes() {
  std::string text;
  for (const NumpyName& name : kNames) text += (text.empty() ? "" : ", ") + std::string(name.text);
  return text + (" (little-endian: array.astype(array.dtype.newbyteorder('<')) makes one so)");
}

/// The text after 'key': in the header, up to the next comma outside brackets.
std::string field(const std::string& header, const std::string& key) {
  const std::size_t at = header.find("'" + key + "':");
  if (at == std::string::npos) return {};
  std::size_t begin = at + key.size() + 3;
  while (begin < header.size() && header[begin] == ' ') ++begin;
  std::size_t end = begin;
  for (int depth = 0; end < header.size(); ++end) {
    depth += header[end] == '(' ? 1 : header[end] == ')' ? -1 : 0;
    if (depth == 0 && (header[end] == ',' || header[end] == '}')) break;
  }
  return header.substr(begin, end - begin);
}

/// "(2, 3,)" -> {2, 3}.
bool parse_shape(const std::string& text, std::vector<std::int64_t>& dims) {
  if (text.size() < 2 || text.front() != '(' || text.back() != ')') return false;
  std::int64_t number = -1;
  for (std::size_t i = 1; i < text.size(); ++i) {
    const char c = text[i];
    if (c >= '0' && c <= '9') {
      number = (number < 0 ? 0 : number) * 10 + (c - '0');
      if (number > (std::int64_t{1} << 40)) return false;
    } else if (c == ',' || c == ')') {
      if (number >= 0) dims.push_back(number);
      number = -1;
    } else if (c != ' ') {
      return false;
    }
  }
  return dims.size() <= 8;
}

rlx::Result<rlx::Tensor> parse_npy(const std::string& path, const std::string& entry, const std::string& bytes) {
  const bool wide = bytes.size() > 6 && bytes[6] >= 2;
  const std::size_t start = wide ? 12 : 10;
  if (bytes.compare(0, 6, "\x93NUMPY", 6) != 0) return damaged(path, entry, "its " + std::to_string(bytes.size()) + " bytes do not begin as a .npy array does");
  if (bytes.size() < start) return damaged(path, entry, "has " + std::to_string(bytes.size()) + " bytes, a .npy array has at least " + std::to_string(start));
  std::size_t length = static_cast<unsigned char>(bytes[8]) | static_cast<std::size_t>(static_cast<unsigned char>(bytes[9])) << 8;
  if (wide) length |= static_cast<std::size_t>(static_cast<unsigned char>(bytes[10])) << 16 | static_cast<std::size_t>(static_cast<unsigned char>(bytes[11])) << 24;
  if (length > bytes.size() - start)
    return damaged(path, entry, "has " + std::to_string(bytes.size()) + " bytes, its header alone needs " + std::to_string(start + length));
  const std::string header = bytes.substr(start, length);
  DType dtype = DType::kNone;
  for (const NumpyName& name : kNames)
    if (dtype == DType::kNone && field(header, "descr") == std::string("'") + name.text + "'") dtype = name.dtype;
  if (dtype == DType::kNone) return damaged(path, entry, "dtype " + field(header, "descr") + " is not one of " + known_dtypes());
  if (field(header, "fortran_order") != "False") return damaged(path, entry, "is in Fortran order, wanted C order");
  std::vector<std::int64_t> dims;
  if (!parse_shape(field(header, "shape"), dims)) return damaged(path, entry, "shape " + field(header, "shape") + " cannot be read");
  std::uint64_t wanted = rlx::dtype_bytes(dtype);
  for (const std::int64_t dim : dims)
    if (__builtin_mul_overflow(wanted, static_cast<std::uint64_t>(dim), &wanted)) wanted = UINT64_MAX;
  if (wanted != bytes.size() - start - length)
    return damaged(path, entry, "has " + std::to_string(bytes.size() - start - length) + " bytes of data, its shape needs " + std::to_string(wanted));
  rlx::Tensor tensor(dtype, dims);
  if (tensor.dtype() != dtype) return Error(ErrorCode::kOutOfMemory, "`" + path + "`, array `" + entry + "` needs " + std::to_string(wanted) + " bytes");
  if (wanted) std::memcpy(tensor.data(), bytes.data() + start + length, wanted);
  return tensor;
}

std::string npy_of(const rlx::Tensor& tensor) {
  const char* descr = "";
  for (const NumpyName& name : kNames)
    if (name.dtype == tensor.dtype()) descr = name.text;
  std::string header = std::string("{'descr': '") + descr + "', 'fortran_order': False, 'shape': (";
  for (const std::int64_t dim : tensor.dims()) header += std::to_string(dim) + ",";
  header += "), }";
  header.append(64 - (header.size() + 11) % 64, ' ');
  header += '\n';
  std::string bytes("\x93NUMPY\x01\x00", 8);
  bytes += static_cast<char>(header.size() & 0xFF);
  bytes += static_cast<char>(header.size() >> 8);
  bytes += header;
  bytes.append(static_cast<const char*>(tensor.data()), tensor.bytes());
  return bytes;
}

struct Closer {
  void operator()(zip_t* archive) const { zip_discard(archive); }
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};

}  // namespace

namespace {

/// Why `path`, which cannot be opened as an archive, is none.
Error no_archive(const std::string& path, const std::string& reason) {
  const auto said = [&](ErrorCode code, const std::string& why) { return Error(code, "`" + path + "`: " + why); };
  struct stat info;
  if (::stat(path.c_str(), &info) != 0) return errno == ENOENT ? said(ErrorCode::kFileNotFound, "no such file") : said(ErrorCode::kFileUnreadable, std::strerror(errno));
  if (!S_ISREG(info.st_mode)) return said(ErrorCode::kFileUnreadable, S_ISDIR(info.st_mode) ? "is a folder, wanted an .npz archive" : "is no regular file, wanted an .npz archive");
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), &std::fclose);
  if (!file) return said(ErrorCode::kFileUnreadable, std::strerror(errno));
  char head[6] = "";
  const std::size_t count = std::fread(head, 1, sizeof head, file.get());
  if (count == 0) return said(ErrorCode::kFileDamaged, "is empty, wanted an .npz archive");
  if (count == 6 && !std::memcmp(head, "\x93NUMPY", 6))
    return said(ErrorCode::kFileDamaged, "is one .npy array, wanted an .npz archive of named arrays: numpy.savez(\"x.npz\", NAME=array)");
  if (count >= 4 && !std::memcmp(head, "PK\3\4", 4)) return said(ErrorCode::kFileDamaged, "is cut short or damaged: its " + std::to_string(info.st_size) + " bytes begin as an .npz archive does, and " + reason);
  return said(ErrorCode::kFileDamaged, "is no .npz archive: its " + std::to_string(info.st_size) + " bytes do not begin as one");
}

/// libzip's words for its code.
std::string zip_words(int code) {
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  const std::string words = zip_error_strerror(&error);
  zip_error_fini(&error);
  return words;
}

}  // namespace

rlx::Result<std::vector<rlx::NamedTensor>> read_npz(const std::string& path) {
  int code = 0;
  struct stat info;
  const bool regular = ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0;
  const std::unique_ptr<zip_t, Closer> archive(regular ? zip_open(path.c_str(), ZIP_RDONLY, &code) : nullptr);
  if (!archive) return no_archive(path, zip_words(code));
  std::vector<rlx::NamedTensor> tensors;
  const zip_int64_t count = zip_get_num_entries(archive.get(), 0);
  for (zip_int64_t i = 0; i < count; ++i) {
    zip_stat_t info;
    if (zip_stat_index(archive.get(), static_cast<zip_uint64_t>(i), 0, &info) != 0 || !(info.valid & ZIP_STAT_SIZE) || !info.name)
      return damaged(path, std::to_string(i), "the archive's directory is damaged");
    std::string name = info.name;
    if (name.size() > 4 && name.ends_with(".npy")) name.resize(name.size() - 4);
    if (info.size > kMostBytes || ((info.valid & ZIP_STAT_COMP_SIZE) && info.size / 2048 > info.comp_size))
      return damaged(path, name, "claims " + std::to_string(info.size) + " bytes");
    const std::unique_ptr<zip_file_t, Closer> file(zip_fopen_index(archive.get(), static_cast<zip_uint64_t>(i), 0));
    std::string bytes(info.size, '\0');
    if (!file || zip_fread(file.get(), bytes.data(), info.size) != static_cast<zip_int64_t>(info.size))
      return damaged(path, name, "cannot be unpacked to its " + std::to_string(info.size) + " bytes");
    auto tensor = parse_npy(path, name, bytes);
    if (!tensor) return tensor.error();
    tensors.push_back({std::move(name), std::move(*tensor)});
  }
  return tensors;
}

namespace {

struct SourceCloser {
  void operator()(zip_source_t* source) const { zip_source_free(source); }
};
using Source = std::unique_ptr<zip_source_t, SourceCloser>;

/// Puts the arrays, whose bytes are `held`, into a new archive that is kept in `into`. False where libzip has no memory.
bool pack_arrays(zip_source_t* into, const std::vector<rlx::NamedTensor>& tensors, std::vector<std::string>& held) {
  zip_source_keep(into);  // the archive's own hold
  zip_t* archive = zip_open_from_source(into, ZIP_TRUNCATE, nullptr);
  if (!archive) return zip_source_free(into), false;
  for (const rlx::NamedTensor& entry : tensors) {
    held.push_back(npy_of(entry.tensor));
    zip_source_t* source = zip_source_buffer(archive, held.back().data(), held.back().size(), 0);
    const zip_int64_t index = source ? zip_file_add(archive, (entry.name + ".npy").c_str(), source, ZIP_FL_ENC_UTF_8) : -1;
    // One fixed time: equal tensors give equal files.
    if (index < 0 || zip_file_set_mtime(archive, static_cast<zip_uint64_t>(index), kFileTime, 0) != 0) {
      if (source && index < 0) zip_source_free(source);
      zip_discard(archive);
      return false;
    }
  }
  if (zip_close(archive) == 0) return true;
  zip_discard(archive);
  return false;
}

}  // namespace

rlx::Status write_npz(const std::string& path, const std::vector<rlx::NamedTensor>& tensors) {
  for (const rlx::NamedTensor& entry : tensors)
    if (entry.tensor.dtype() == DType::kBF16)
      return Error(ErrorCode::kWrongDtype, "`" + path + "`: `" + entry.name + "` is bf16, of which NumPy has no dtype");
  std::vector<std::string> held;
  held.reserve(tensors.size());
  const Source bytes(zip_source_buffer_create(nullptr, 0, 0, nullptr));
  if (!bytes || !pack_arrays(bytes.get(), tensors, held) || zip_source_open(bytes.get()) != 0)
    return Error(ErrorCode::kOutOfMemory, "`" + path + "`: no memory to pack the arrays");
  auto status = write_whole(path, [&](char* buffer, std::size_t size) { return static_cast<long>(zip_source_read(bytes.get(), buffer, size)); });
  zip_source_close(bytes.get());
  return status;
}

}  // namespace rlx_tool
