// SPDX-License-Identifier: Apache-2.0
// Ports of a manifest, and the words for tensors that do not fit them.
#include "runtime/execute/ports.h"

#include "runtime/base/names.h"
#include "runtime/execute/manifest.h"

namespace rlx {
namespace {

/// Every name known, none twice.
template <class Named>
Status check_names(std::string_view what, std::span<const Named> given, const std::vector<ManifestEntry>& wanted) {
  for (std::size_t i = 0; i < given.size(); ++i) {
    const auto same = [&](const ManifestEntry& entry) { return entry.name == given[i].name; };
    if (std::none_of(wanted.begin(), wanted.end(), same)) {
      std::vector<std::string> names;
      for (const ManifestEntry& entry : wanted) names.push_back(entry.name);
      return fail(ErrorCode::kUnknownName, "no ", what, " `", given[i].name, "`; ", did_you_mean(given[i].name, names));
    }
    if (find_named(given.first(i), given[i].name)) return fail(ErrorCode::kDuplicateName, what, " `", given[i].name, "` is given twice");
  }
  return {};
}

template <class View>
Status check_view(std::string_view what, const ManifestEntry& wanted, const View& seen) {
  if (seen.dtype != wanted.dtype)
    return fail(ErrorCode::kWrongDtype, what, " `", wanted.name, "` is ", dtype_name(seen.dtype), ", wanted ", dtype_name(wanted.dtype));
  bool same = seen.dims.size() == wanted.dims.size();
  for (std::size_t i = 0; same && i < seen.dims.size(); ++i) same = seen.dims[i] == wanted.dims[i].number();
  if (!same)
    return fail(ErrorCode::kWrongShape, what, " `", wanted.name, "` is ", dims_text(seen.dims), ", wanted ", dims_text(wanted.dims));
  if (!seen.data && wanted.bytes)
    return fail(ErrorCode::kWrongSize, what, " `", wanted.name, "`: its data is a null pointer, wanted ", wanted.bytes, " bytes");
  if (seen.bytes != wanted.bytes)
    return fail(ErrorCode::kWrongSize, what, " `", wanted.name, "` has ", seen.bytes, " bytes, wanted ", wanted.bytes);
  return {};
}

/// Says what is wrong with tensors that resolve() did not take.
template <class Named>
[[gnu::cold, gnu::noinline]] Error explain_all(std::string_view what, std::span<const Named> given, const std::vector<ManifestEntry>& wanted) {
  if (Status status = check_names(what, given, wanted); !status) return std::move(status).error();
  for (const ManifestEntry& entry : wanted) {
    const Named* tensor = find_named(given, entry.name);
    if (!tensor) return fail(ErrorCode::kMissingInput, what, " `", entry.name, "` is not given");
    if (Status status = check_view(what, entry, tensor->view); !status) return std::move(status).error();
  }
  return fail(ErrorCode::kInternal, what, "s were refused that are as wanted");
}

}  // namespace

std::vector<Port> ports(const std::vector<ManifestEntry>& entries) {
  std::vector<Port> result;
  for (const ManifestEntry& entry : entries) {
    Port port{entry.name, static_cast<std::uint32_t>(entry.dtype), {}, entry.bytes};
    for (const Size& size : entry.dims) port.dims.push_back(size.number());
    result.push_back(std::move(port));
  }
  return result;
}

Error explain(std::string_view what, std::span<const NamedView> given, const std::vector<ManifestEntry>& wanted) {
  return explain_all(what, given, wanted);
}
Error explain(std::string_view what, std::span<const NamedMutableView> given, const std::vector<ManifestEntry>& wanted) {
  return explain_all(what, given, wanted);
}

}  // namespace rlx
