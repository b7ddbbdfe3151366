// SPDX-License-Identifier: Apache-2.0
// Opening packages: a mapping, its contents, and the model that both make.
#include "runtime/execute/package.h"

#include "runtime/base/check.h"
#include "runtime/execute/nothing.h"

namespace rlx {

struct Package::Body {
  std::shared_ptr<const MappedFile> file;
  PackageContents contents;  // without the graph, which the model has
  Model model;
};

namespace {

Error damaged(const std::string& path, const Flaw& flaw) { return fail(ErrorCode::kFileDamaged, "package `", path, "` (", flaw.word, "): ", flaw.sentence); }

std::vector<std::int64_t> numbers(const Dims& dims) {
  std::vector<std::int64_t> result;
  for (const Dim& dim : dims) result.push_back(dim.number());
  return result;
}

std::vector<ParamSource> sources(const PackageContents& contents, const std::shared_ptr<const void>& mapping) {
  std::vector<ParamSource> weights;
  for (const PackageTensor& tensor : contents.tensors) {
    if (tensor.owned) continue;
    const Param& param = contents.graph.params[tensor.param];
    const Shape& shape = contents.graph.values[param.value].shape;
    weights.push_back({param.name,
                       {shape.dtype, numbers(shape.dims), contents.weights.data() + tensor.offset, tensor.bytes},
                       mapping,
                       {tensor.hash.low, tensor.hash.high}});
  }
  return weights;
}

std::shared_ptr<const ModelOrigin> origin(const PackageContents& contents, const std::shared_ptr<const void>& mapping) {
  auto made = std::make_shared<ModelOrigin>();
  made->fused = contents.info.fused;
  made->mapping = mapping;
  for (const PackagePack& pack : contents.packs) made->packs.push_back({pack.key, contents.packed.subspan(pack.offset, pack.bytes), 64});
  for (const PackageVariant& variant : contents.variants) made->variants[variant.key] = contents.variant_files.subspan(variant.offset, variant.bytes);
  return made;
}

}  // namespace

Result<Package> open_package(const std::string& path, const PackageReadOptions& options) {
  return guard([&]() -> Result<Package> {
    if (path.find('\0') != std::string::npos) return fail(ErrorCode::kInvalidArgument, "a path with a NUL byte in it");
    auto body = std::make_shared<Package::Body>();
    RLX_ASSIGN(body->file, MappedFile::open(path));
    auto contents = read_package(body->file->bytes());
    if (!contents) return damaged(path, contents.error());
    if (options.verify) {
      if (const auto sound = verify_weights(*contents); !sound) return damaged(path, sound.error());
      body->file->leave_memory();
    }
    contents->info.path = path;
    std::vector<ParamSource> weights = sources(*contents, body->file);
    auto made_by = origin(*contents, body->file);
    body->model = Model(std::make_shared<const Graph>(contents->graph), std::move(weights));
    body->model.set_origin(std::move(made_by));
    body->contents = *std::move(contents);
    Package package;
    package.body_ = std::move(body);
    return package;
  });
}

const PackageInfo& Package::info() const { return body_ ? body_->contents.info : nothing<PackageInfo>(); }
const Model& Package::model() const { return body_ ? body_->model : nothing<Model>(); }

Status Package::verify() const {
  return guard([&]() -> Status {
    if (!body_) return fail(ErrorCode::kInvalidArgument, "the package is empty: open one with open_package");
    if (const auto sound = verify_package(body_->contents); !sound) return damaged(info().path, sound.error());
    return {};
  });
}

}  // namespace rlx
