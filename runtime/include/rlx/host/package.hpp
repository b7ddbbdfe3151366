// SPDX-License-Identifier: Apache-2.0
// Packages (model.rlx): a template and its weights in one file that is mapped. Opening one runs no importer and no pass,
// and copies no weight; what it carries of packed weights is shared by every process that maps it.
#pragma once

#include <rlx/host/pipeline.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace rlx {

struct PackageOptions {
  bool fuse = true;             ///< as CompileOptions::fuse; whoever opens the package gets this graph and no other
  std::vector<Binding> shapes;  ///< carried along, for whoever wants to compile before the first request
  /// Where it is set, the package carries the weights as this device packs them for `shapes` (or for the least sizes
  /// where there are none), and for `shapes` the variants as a cache folder would keep them: planned images, and device code
  /// where the backend has `rlx.artifact/1`, which only AotOptions::package_code lets in again. Another device, or another
  /// processor, packs and plans for itself.
  Device device;
  std::string source;           ///< the file that the model came from: its name and hash are kept; may be empty
};

/// What a package says of itself.
struct PackageInfo {
  std::string path;
  std::uint64_t bytes = 0;           ///< of the file
  std::string made_by;               ///< version of the runtime that wrote it
  std::string source, source_hash;   ///< name without folders, and 32 hex digits; empty where it was not said
  std::string template_hash;         ///< 32 hex digits
  bool fused = true;
  std::vector<Binding> shapes;
  std::size_t tensors = 0;
  std::uint64_t weight_bytes = 0;
  std::size_t packs = 0;
  std::uint64_t packed_bytes = 0;
  std::string packed_for;            ///< plugin and device of the packs and variants; empty where there are none
  std::size_t variants = 0;
  std::uint64_t variant_bytes = 0;   ///< images and device code
};

/// Writes atomically. Weights that the model lacks are lacking in the package too.
/// Errors: kFileUnwritable; those of build_template, and with a device those of compiling.
RLX_API Result<PackageInfo> write_package(const std::string& path, const Model& model, const PackageOptions& options = {});

struct PackageReadOptions {
  /// Every tensor and pack is compared with its hash: reads the file once, several GB/s where it lies in the page cache, and
  /// leaves resident memory as it was. Without it everything about the file is checked but these bytes: for files that are
  /// known to be sound and larger than what a start may read. Damaged weights then give wrong answers, also in models with
  /// the same weights that this process opens while it holds them, since equal hashes are taken for equal weights.
  bool verify = true;
};

/// An open package. Cheap to copy; usable from any thread. Lifetime: models made from it keep the file mapped; it must not be
/// written to or cut meanwhile (a signal SIGBUS, as for any mapped file), but may be replaced by rename or removed.
class RLX_API Package {
 public:
  Package() = default;
  const PackageInfo& info() const;
  /// The model for build_template. Symbols are open; weights are mapped.
  const Model& model() const;
  /// Reads all of it again, carried variants too (which are otherwise looked at when they are wanted, and made anew where they
  /// are damaged). Errors: kFileDamaged naming the tensor.
  Status verify() const;

 private:
  friend Result<Package> open_package(const std::string&, const PackageReadOptions&);
  struct Body;
  std::shared_ptr<const Body> body_;
};

/// Maps a package. Errors: kFileNotFound, kFileUnreadable; kFileDamaged with one reason word and what does not fit.
RLX_API Result<Package> open_package(const std::string& path, const PackageReadOptions& options = {});

}  // namespace rlx
