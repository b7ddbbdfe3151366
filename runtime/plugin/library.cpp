// SPDX-License-Identifier: Apache-2.0
// Boost.DLL behind one small class. The throwing overload is used, because only it keeps the dynamic linker's
// words.
#define BOOST_DLL_USE_STD_FS
#include "runtime/plugin/library.h"

#include <boost/dll/shared_library.hpp>

#include <string>
#include <string_view>

namespace rlx {

namespace {

/// The dynamic linker's own words, out of the text that Boost puts around them.
std::string linker_words(const std::string& text) {
  constexpr std::string_view before = "dlerror system message: ";
  const std::size_t begin = text.find(before);
  if (begin == text.npos) return text;
  const std::string words = text.substr(begin + before.size());
  const std::size_t end = words.rfind("): ");
  return end == words.npos ? words : words.substr(0, end);
}

}  // namespace

/// Holds the library without closing it: a plugin may have threads, thread-locals or exit handlers that
/// outlive its last handle, so that closing needs the plugin's word.
struct Library::Handle {
  union {
    boost::dll::shared_library library;
  };
  bool unload_safe = false;

  Handle() { new (&library) boost::dll::shared_library; }
  ~Handle() {
    if (unload_safe) library.~shared_library();
  }
};

Library::Library() : handle_(std::make_unique<Handle>()) {}
Library::~Library() = default;

Result<std::shared_ptr<const Library>> Library::load(const std::filesystem::path& path, bool unload_safe) {
  if (!path.is_absolute())
    return fail(ErrorCode::kPluginRejected, "`", path.string(), "` is no full path: not loaded");
  const std::shared_ptr<Library> library(new Library);
  boost::dll::shared_library& handle = library->handle_->library;
  try {
    handle.load(path, boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local);
  } catch (const std::exception& exception) {
    return fail(ErrorCode::kPluginRejected,
                "the dynamic linker refuses it: ", linker_words(exception.what()));
  } catch (...) {
    return fail(ErrorCode::kPluginRejected, "loading it threw an exception of unknown type");
  }
  library->handle_->unload_safe = unload_safe;
  try {
    library->query_ = &handle.get<std::remove_pointer_t<rlx_plugin_query_fn>>(RLX_PLUGIN_QUERY_SYMBOL);
  } catch (const std::exception&) {
    return fail(ErrorCode::kPluginRejected, "it does not export `" RLX_PLUGIN_QUERY_SYMBOL "`");
  }
  return std::shared_ptr<const Library>(library);
}

}  // namespace rlx
