// SPDX-License-Identifier: Apache-2.0
// What lies in a package, and what a model that came from one carries besides graph and weights.
#pragma once

#include <rlx/host/package.hpp>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/base/file.h"
#include "runtime/execute/container.h"
#include "runtime/ir/graph.h"
#include "runtime/plugin/handles.h"

namespace rlx {

inline constexpr std::uint32_t kPackageVersion = 1;
enum class PackageSection : std::uint32_t { kManifest = 1, kGraph = 2, kTensors = 3, kWeights = 4, kPacks = 5, kPacked = 6, kVariants = 7, kVariantFiles = 8 };

/// One row of the table of tensors, ascending by param: those of params, and those that the graph owns (constants above
/// 4 KiB). Dtype and dims are the graph's.
struct PackageTensor {
  std::uint32_t param = 0;   ///< index in the graph's params
  bool owned = false;
  std::uint64_t offset = 0;  ///< in the section of weights, a multiple of 64
  std::uint64_t bytes = 0;
  Hash128 hash;
};

struct PackagePack {
  Hash128 key;
  std::uint64_t offset = 0;  ///< in the section of packs, a multiple of 64
  std::uint64_t bytes = 0;
  Hash128 hash;              ///< of the packed bytes
};

/// A compiled variant: a file as cache folders hold it.
struct PackageVariant {
  std::string key;           ///< AotKey::name
  std::uint64_t offset = 0;  ///< in the section of variants, a multiple of 64
  std::uint64_t bytes = 0;
};

/// Why a template made from a model of a package runs no pass, and what its param set is offered. Immutable.
struct ModelOrigin {
  bool fused = true;
  std::vector<PackInfo> packs;
  std::map<std::string, Bytes, std::less<>> variants;  ///< by AotKey::name; nobody has checked them yet
  std::shared_ptr<const void> mapping;
};

/// What a package holds, read from bytes that nobody has checked. Lifetime: of the bytes.
struct PackageContents {
  PackageInfo info;
  Graph graph;  ///< verified; owned params have their bytes (copied)
  std::vector<PackageTensor> tensors;
  std::vector<PackagePack> packs;
  std::vector<PackageVariant> variants;
  Bytes weights, packed, variant_files;
  Hash128 variant_hash;  ///< of variant_files
};

/// Checks everything but the hashes of tensors, packs and variants. `file` is 8-byte aligned.
/// Words: those of Container::parse, content, manifest, graph, tensors, packs, variants.
Checked<PackageContents> read_package(Bytes file);
/// Compares every tensor and pack with its hash, on several threads where they are large. Words: weights, packs.
Checked<void> verify_weights(const PackageContents& contents);
/// Compares every tensor, pack and variant with its hash. Words: weights, packs, variants.
Checked<void> verify_package(const PackageContents& contents);

}  // namespace rlx
