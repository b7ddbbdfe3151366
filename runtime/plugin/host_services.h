// SPDX-License-Identifier: Apache-2.0
// The host as plugins see it: a log and the runtime's one team of threads.
#pragma once

#include <rlx/host_services.h>

#include <functional>
#include <memory>
#include <string_view>
#include <utility>

#include "runtime/base/thread_team.h"

namespace rlx {

/// Gets what plugins and the plugin room have to say. level: RLX_LOG_*. Called from any thread; what it
/// throws is dropped.
using HostLog = std::function<void(std::uint32_t level, std::string_view message)>;

/// Stays at its address; every plugin instance that was opened with it keeps it.
class HostServices {
 public:
  /// team may be null: plugins are then offered no threads.
  HostServices(HostLog log, std::shared_ptr<ThreadTeam> team)
      : log_(std::move(log)), team_(std::move(team)), host_{this, &get_service} {}
  HostServices(const HostServices&) = delete;
  HostServices& operator=(const HostServices&) = delete;

  const rlx_host* host() const { return &host_; }
  ThreadTeam* team() const { return team_.get(); }
  void log(std::uint32_t level, std::string_view message) const noexcept;

 private:
  friend struct HostTables;
  static const void* get_service(void* user, rlx_str id);

  HostLog log_;
  std::shared_ptr<ThreadTeam> team_;
  rlx_host host_;
};

}  // namespace rlx
