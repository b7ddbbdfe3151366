// SPDX-License-Identifier: Apache-2.0
// load_model and load_weights of the host surface: they find the importer library and hand the path over.
#include "runtime/execute/import_library.h"

#include <rlx/host/importer.hpp>
#include <rlx/host/model.hpp>
#include <rlx/host/package.hpp>

#include <dlfcn.h>
#include <new>
#include <stdexcept>
#include <system_error>

namespace rlx {
namespace {

Status check_there(const std::string& path) {
  if (path.find('\0') != std::string::npos)
    return Error(ErrorCode::kInvalidArgument, "a path with a NUL byte in it");
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return Error(ErrorCode::kFileNotFound, "no file `" + path + "`");
  return {};
}

template <class Function, class T>
Result<T> import_with(const char* file_name, const char* symbol, const std::string& path) try {
  if (Status there = check_there(path); !there) return std::move(there).error();
  auto found = importer_symbol(importer_folders(), file_name, symbol);
  if (!found) return std::move(found.error()).within("to read `" + path + "`");
  Result<T> out = Error(ErrorCode::kInternal, "the importer gave no answer");
  reinterpret_cast<Function> (*found)(path.c_str(), &out);
  return out;
} catch (const std::bad_alloc&) {
  return Error(ErrorCode::kOutOfMemory, "no memory to import the file");
} catch (const std::exception& fault) {
  return Error(ErrorCode::kInternal, fault.what());
}

}  // namespace

std::vector<std::filesystem::path> importer_folders() {
  Dl_info info{};
  if (!::dladdr(reinterpret_cast<const void*>(&importer_folders), &info) || !info.dli_fname) return {};
  std::error_code error;
  const std::filesystem::path self = std::filesystem::canonical(info.dli_fname, error);
  if (error) return {};
  const std::filesystem::path here = self.parent_path(), up = here.parent_path();
  std::vector<std::filesystem::path> folders = {here, here / "rlx"};
  if (here != up / "lib") folders.insert(folders.end(), {up / "lib", up / "lib/rlx"});
  return folders;
}

Result<void*> importer_symbol(const std::vector<std::filesystem::path>& folders, std::string_view file_name,
                              const char* symbol) {
  std::string places;
  for (const std::filesystem::path& folder : folders) {
    const std::filesystem::path path = folder / file_name;
    places += (places.empty() ? "`" : ", `") + folder.string() + "`";
    std::error_code error;
    if (!std::filesystem::is_regular_file(path, error)) continue;
    void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!library)
      return Error(ErrorCode::kImporterMissing, "`" + path.string() + "` cannot be loaded: " + ::dlerror());
    if (void* found = ::dlsym(library, symbol)) return found;
    return Error(ErrorCode::kImporterMissing, "`" + path.string() + "` has no symbol " + symbol +
                                                  ": it was built for another version of the runtime");
  }
  return Error(ErrorCode::kImporterMissing,
               "no " + std::string(file_name) + "; looked in " +
                   (places.empty() ? "no place: the runtime library's own is unknown" : places));
}

Result<Model> load_model(const std::string& path) {
  const std::string extension = std::filesystem::path(path).extension().string();
  if (extension == ".rlx") {
    Result<Package> package = open_package(path);
    return package ? Result<Model>(package->model()) : std::move(package).error();
  }
  if (extension != ".onnx")
    return Error(ErrorCode::kImporterMissing,
                 "`" + path + "` ends in `" + extension +
                     "`, wanted .onnx or .rlx: there is no importer for another kind of file");
  return import_with<ImportModelFn, Model>("librlx_import_onnx.so", kImportModelSymbol, path);
}

Result<std::vector<ParamSource>> load_weights(const std::string& path) {
  return import_with<ImportWeightsFn, std::vector<ParamSource>>("librlx_import_safetensors.so",
                                                                kImportWeightsSymbol, path);
}

}  // namespace rlx
