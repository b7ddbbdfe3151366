// SPDX-License-Identifier: Apache-2.0
// One case as its check sees it: key, seed, facts, images; and where it says what it expects and what it saw.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "tools/conform/shared/facts.h"
#include "tools/conform/shared/random.h"

namespace rlx::conform {

enum class Profile : std::uint8_t { kQuick, kCi, kFull };

/// printf into a string.
std::string text(const char* format, ...) __attribute__((format(printf, 1, 2)));
std::string number(std::uint64_t value);

/// An image as the contract wants it: 8-byte aligned.
class ImageBytes {
 public:
  ImageBytes() = default;
  explicit ImageBytes(const std::string& bytes);
  const void* data() const { return words_.data(); }
  void* data() { return words_.data(); }
  std::uint64_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  std::vector<std::uint64_t> words_;
  std::uint64_t size_ = 0;
};

struct RunRequest {
  std::string plugin;  ///< path
  std::string check, key;
  std::uint64_t seed = 0;
  std::string run_folder;  ///< what the controller prepared: facts, images/
};

class Run {
 public:
  explicit Run(RunRequest request);

  const std::string& plugin() const { return request_.plugin; }
  const std::string& key() const { return request_.key; }
  std::uint64_t seed() const { return request_.seed; }
  const Facts& facts() const { return facts_; }
  /// The run's own folder, empty at the start, removed at the end; the working directory.
  std::string folder() const;
  const RunRequest& request() const { return request_; }

  // From here to `note`: [any-thread].
  /// Names the call that is about to be made; restarts the controller's clock.
  void phase(const char* name);
  std::string phase();

  /// Counts an assertion. Where it does not hold, the case has failed: `wanted` and `seen` are shown. Returns `good`.
  bool expect(bool good, const std::string& wanted, const std::string& seen);
  bool equal(const std::string& what, std::uint64_t seen, std::uint64_t wanted);
  bool status(const std::string& what, std::int32_t seen, std::int32_t wanted, const char* message = nullptr);
  /// Compares bytes; a difference names its offset.
  bool same_bytes(const std::string& what, const void* seen, const void* wanted, std::uint64_t bytes);
  void skip(const std::string& why);
  void unsupported(const std::string& why);
  void weak(const std::string& why);
  void note(const std::string& what);
  /// The tool itself is at fault, not the plugin: whatever else is told of the case, it is a HARNESS_ERROR.
  void fault(const std::string& why);
  bool failed() const { return failures_ != 0; }

  /// The image that the controller made under this name; empty, and a fault of the tool, if none.
  ImageBytes image(const std::string& name);
  /// A file that the controller left in the case's folder; false, and a fault of the tool, if none.
  bool take_file(const std::string& name, std::string& out);
  /// Leaves the controller a file there; false, and a fault of the tool, where it does not fit.
  bool leave_file(const std::string& name, std::string_view bytes);
  /// Of the images that a plain run serves: scenes, which have states and plans of their own, are not among them.
  std::vector<std::string> image_names() const;

  /// Says how much was checked, and that the case has ended.
  void end();

 private:
  RunRequest request_;
  Facts facts_;
  std::mutex mutex_;
  std::string phase_ = "start";
  std::uint64_t assertions_ = 0, elements_ = 0, failures_ = 0;
};

}  // namespace rlx::conform
