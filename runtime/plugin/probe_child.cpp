// SPDX-License-Identifier: Apache-2.0
// The child's side of a probe: what the parent would do, in a process that may die of it.
#include <unistd.h>

#include "runtime/plugin/handshake.h"
#include "runtime/plugin/probe.h"

namespace rlx {
namespace {

Status try_plugin(const std::filesystem::path& path, const HostVersions& host) {
  RLX_ASSIGN(PluginFile file, read_plugin_file(path));
  RLX_TRY(check_compatible(file.descriptor, host));
  RLX_ASSIGN(auto library, Library::load(path, false));
  RLX_ASSIGN(const auto plugin, shake_hands(std::move(file), std::move(library), host));
  return {};
}

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

int run_probe(const std::filesystem::path& path, const HostVersions& host, int verdict_fd) {
  const Status status = try_plugin(path, host);
  if (status)
    write_all(verdict_fd, "good");
  else
    write_all(verdict_fd,
              join("refused ", static_cast<int>(status.error().code()), "\n", status.error().message()));
  return 0;
}

}  // namespace rlx
