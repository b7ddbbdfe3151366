// SPDX-License-Identifier: Apache-2.0
// Checks the header's claims against the bytes that are there, then makes views.
#include "runtime/import/safetensors/reader.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "runtime/import/mapped_file.h"
#include "runtime/import/safetensors/header.h"

namespace rlx::safetensors {
namespace {

constexpr std::uint64_t kHeaderMax = 100'000'000;  // the format's own bound

Error damaged(std::string message) { return Error(ErrorCode::kFileDamaged, std::move(message)); }

Result<std::uint64_t> header_bytes(std::span<const std::byte> bytes) {
  if (bytes.size() < 8)
    return damaged(std::to_string(bytes.size()) + " bytes, wanted at least 8 for the header's length");
  std::uint64_t length = 0;
  for (std::size_t i = 0; i < 8; ++i) length |= std::to_integer<std::uint64_t>(bytes[i]) << (8 * i);
  if (length > kHeaderMax)
    return damaged("no safetensors file: its " + std::to_string(bytes.size()) + " bytes begin with the length of a header, " +
                   std::to_string(length) + ", wanted at most " + std::to_string(kHeaderMax));
  if (length > bytes.size() - 8)
    return damaged("a header of " + std::to_string(length) + " bytes, the file has " + std::to_string(bytes.size()) + ", wanted at least " +
                   std::to_string(8 + length) + ": it was cut off");
  return length;
}

/// Bytes that dims and dtype need.
Result<std::uint64_t> wanted_bytes(const Entry& entry) {
  std::uint64_t count = entry.dtype_bytes;
  const bool empty = std::find(entry.dims.begin(), entry.dims.end(), 0) != entry.dims.end();
  if (empty) return std::uint64_t{0};
  for (const std::int64_t dim : entry.dims)
    if (__builtin_mul_overflow(count, static_cast<std::uint64_t>(dim), &count))
      return damaged("tensor `" + entry.name + "` has a shape of more than 64 bits of bytes");
  return count;
}

/// A tensor that ends past the data: where, and what the file lacks to hold all of them.
Error cut_off(const Entry& entry, const std::vector<Entry>& entries, std::uint64_t data_begin, std::uint64_t data_bytes) {
  std::uint64_t most = 0;  // of 63 bits, as parse_header reads numbers
  for (const Entry& each : entries) most = std::max(most, each.end);
  return damaged("tensor `" + entry.name + "` lies at [" + std::to_string(entry.begin) + ", " + std::to_string(entry.end) + "), wanted inside the " +
                 std::to_string(data_bytes) + " bytes of data; the file has " + std::to_string(data_begin + data_bytes) + " bytes, wanted " +
                 std::to_string(data_begin + most) + ": " + std::to_string(most - data_bytes) + " are missing");
}

Status check_entries(const std::vector<Entry>& entries, std::uint64_t data_begin, std::uint64_t data_bytes) {
  std::uint64_t at = 0;
  for (const Entry& entry : entries) {
    const std::string who = "tensor `" + entry.name + "`";
    if (entry.begin > entry.end)
      return damaged(who + " lies at [" + std::to_string(entry.begin) + ", " + std::to_string(entry.end) + "), wanted its begin first");
    if (entry.end > data_bytes) return cut_off(entry, entries, data_begin, data_bytes);
    auto wanted = wanted_bytes(entry);
    if (!wanted) return std::move(wanted).error();
    if (entry.end - entry.begin != *wanted)
      return damaged(who + " has " + std::to_string(entry.end - entry.begin) + " bytes, wanted " +
                     std::to_string(*wanted));
    if (entry.begin != at)
      return damaged(
          who + " begins at " + std::to_string(entry.begin) + ", wanted " + std::to_string(at) +
          (entry.begin < at ? " (it overlaps the one before)" : " (bytes that belong to no tensor)"));
    at = entry.end;
  }
  if (at != data_bytes)
    return damaged("the data has " + std::to_string(data_bytes) + " bytes, wanted " + std::to_string(at) +
                   " (bytes that belong to no tensor)");
  return {};
}

/// A copy of its own for bytes that lie unaligned.
std::shared_ptr<const void> aligned_copy(std::span<const std::byte> bytes) {
  constexpr std::align_val_t kAlignment{64};
  std::shared_ptr<void> copy(::operator new(bytes.size(), kAlignment),
                             [](void* p) { ::operator delete(p, kAlignment); });
  std::memcpy(copy.get(), bytes.data(), bytes.size());
  return copy;
}

ParamSource source_of(Entry&& entry, std::span<const std::byte> bytes,
                      const std::shared_ptr<const void>& keepalive) {
  ParamSource source{
      std::move(entry.name), {entry.dtype, std::move(entry.dims), bytes.data(), bytes.size()}, keepalive};
  if (!bytes.empty() && reinterpret_cast<std::uintptr_t>(bytes.data()) % entry.dtype_bytes != 0) {
    source.keepalive = aligned_copy(bytes);
    source.view.data = source.keepalive.get();
  }
  return source;
}

}  // namespace

Result<std::vector<ParamSource>> read(std::span<const std::byte> bytes,
                                      std::shared_ptr<const void> keepalive) {
  const auto length = header_bytes(bytes);
  if (!length) return length.error();
  const std::string_view json(reinterpret_cast<const char*>(bytes.data()) + 8, *length);
  auto entries = parse_header(json);
  if (!entries) return std::move(entries).error();
  std::stable_sort(entries->begin(), entries->end(), [](const Entry& a, const Entry& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
  });
  const std::span<const std::byte> data = bytes.subspan(8 + *length);
  if (Status status = check_entries(*entries, 8 + *length, data.size()); !status) return std::move(status).error();
  std::vector<ParamSource> sources;
  sources.reserve(entries->size());
  for (Entry& entry : *entries)
    sources.push_back(
        source_of(std::move(entry), data.subspan(entry.begin, entry.end - entry.begin), keepalive));
  return sources;
}

Result<std::vector<ParamSource>> read_file(const std::string& path) {
  auto file = import_detail::MappedFile::open(path);
  if (!file) return std::move(file).error();
  auto sources = read((*file)->bytes(), *file);
  if (!sources) return std::move(sources.error()).within("in `" + path + "`");
  return sources;
}

}  // namespace rlx::safetensors
