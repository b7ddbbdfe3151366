// SPDX-License-Identifier: Apache-2.0
// The tables behind the host's services. Nothing thrown crosses the border.
#include "runtime/plugin/host_services.h"

namespace rlx {

struct HostTables {
  static const HostServices& self(void* user) { return *static_cast<const HostServices*>(user); }

  static void write(void* user, std::uint32_t level, rlx_str message) {
    self(user).log(level, message.data ? std::string_view(message.data, message.size) : std::string_view());
  }

  static std::uint32_t concurrency(void* user) { return self(user).team_->concurrency(); }

  static void parallel_for(void* user, std::uint64_t count, void (*body)(void*, std::uint64_t),
                           void* context) {
    try {
      self(user).team_->parallel_for(count, body, context);
    } catch (...) {
      self(user).log(RLX_LOG_ERROR,
                     "a plugin's parallel_for body threw an exception: its results are not complete");
    }
  }

  static std::uint32_t team(void* user, std::uint32_t want, void (*body)(void*, std::uint32_t, std::uint32_t),
                            void* context) {
    try {
      return self(user).team_->team(want, body, context);
    } catch (...) {
      self(user).log(RLX_LOG_ERROR, "a plugin's team body threw an exception: its results are not complete");
      return 1;
    }
  }
};

void HostServices::log(std::uint32_t level, std::string_view message) const noexcept {
  try {
    if (log_) log_(level, message);
  } catch (...) {
  }
}

const void* HostServices::get_service(void* user, rlx_str id) {
  static constexpr rlx_host_log_1 log_table{&HostTables::write};
  static constexpr rlx_host_threads_1 threads_table{&HostTables::concurrency, &HostTables::parallel_for,
                                                    &HostTables::team};
  if (!id.data) return nullptr;
  const std::string_view name(id.data, id.size);
  if (name == RLX_HOST_LOG_1) return &log_table;
  if (name == RLX_HOST_THREADS_1 && HostTables::self(user).team_) return &threads_table;
  return nullptr;
}

}  // namespace rlx
