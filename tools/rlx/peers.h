// SPDX-License-Identifier: Apache-2.0
// Another runtime on the same model and inputs, in a Python process of its own (bench/peer.py, carried inside the tool).
#pragma once

#include <rlx/host/tensor.hpp>

#include <memory>
#include <string>
#include <vector>

namespace rlx_tool {

/// Names that --against knows.
const std::vector<std::string>& peer_names();

class Peer {
 public:
  /// Starts the interpreter and loads the model. Errors: kUsage where the peer is not installed or cannot load the model,
  /// in its own words.
  static rlx::Result<std::unique_ptr<Peer>> start(const std::string& name, const std::string& python, const std::string& model, unsigned threads);
  ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  const std::string& name() const { return name_; }
  const std::string& version() const { return version_; }
  double load_ms() const { return load_ms_; }
  /// Runs on the inputs of an .npz file for about `seconds`, at least once; latencies in ms. Errors: kUsage, in its words.
  rlx::Result<std::vector<double>> run(const std::string& inputs, double seconds);

 private:
  Peer() = default;
  rlx::Result<std::string> ask(const std::string& line);  ///< one line there, one line back

  std::string name_, version_;
  double load_ms_ = 0;
  int to_ = -1, from_ = -1;
  int process_ = -1;
  std::string pending_;
};

}  // namespace rlx_tool
