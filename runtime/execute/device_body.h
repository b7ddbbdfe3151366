// SPDX-License-Identifier: Apache-2.0
// An open device as the execute room holds it, and the same device as compiling sees it.
#pragma once

#include <rlx/host/runtime.hpp>

#include <memory>
#include <string>

#include "runtime/compile/target.h"
#include "runtime/execute/async_worker.h"
#include "runtime/plugin/handles.h"

namespace rlx {

class MemoryAccount;
class TraceRecorder;

/// What the devices of one runtime share.
struct DeviceServices {
  std::shared_ptr<TraceRecorder> trace;  ///< null where nobody records
  std::shared_ptr<MemoryAccount> memory; ///< null for a device of no runtime
};

/// Thread-safe; keeps the plugin's library loaded.
class DeviceBody {
 public:
  DeviceBody(DeviceHandle handle, DeviceReport report, std::vector<Claim> claims, LogSink log, std::vector<OptionInfo> options = {},
             DeviceServices services = {})
      : handle_(std::move(handle)),
        report_(std::move(report)),
        claims_(std::move(claims)),
        log_(std::move(log)),
        options_(std::move(options)),
        services_(std::move(services)) {}

  const DeviceHandle& handle() const { return handle_; }
  const DeviceReport& report() const { return report_; }
  const std::vector<Claim>& claims() const { return claims_; }
  /// What the plugin says of its option; null where it lists none of that key.
  const OptionInfo* option(std::string_view key) const;
  /// False only where the plugin says so.
  bool affects_code(std::string_view key) const;
  /// Keeps the account alive for those who register with it; may be null.
  const std::shared_ptr<MemoryAccount>& memory() const { return services_.memory; }
  TraceRecorder* trace() const { return services_.trace.get(); }
  /// Of submitted runs. [any-thread]
  AsyncWorker& worker() const { return worker_; }
  const LogSink& sink() const { return log_; }
  void log(LogLevel level, std::string_view text) const {
    if (log_) log_(level, text);
  }

  /// The device as plain data and one question. Lifetime: `self` is kept by the target's query.
  static Target target(const std::shared_ptr<const DeviceBody>& self, PluginOptions options);

 private:
  DeviceHandle handle_;
  DeviceReport report_;
  std::vector<Claim> claims_;
  LogSink log_;
  std::vector<OptionInfo> options_;
  DeviceServices services_;
  mutable AsyncWorker worker_;  // last: its tasks end before the device closes
};

}  // namespace rlx
