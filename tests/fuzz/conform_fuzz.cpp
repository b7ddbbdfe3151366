// SPDX-License-Identifier: Apache-2.0
// What the conformance tool reads of plugins and from workers: files as ELF, streams as frames, lines as facts.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "tools/conform/shared/elf_file.h"
#include "tools/conform/shared/facts.h"
#include "tools/conform/shared/protocol.h"

namespace {

using namespace rlx::conform;

void read_frames(const std::string& bytes) {
  FrameReader reader;
  std::vector<Frame> frames;
  for (std::size_t at = 0; at < bytes.size(); at += 7)
    reader.feed(bytes.data() + at, std::min<std::size_t>(7, bytes.size() - at), frames);
  std::size_t seen = 0;
  for (const Frame& frame : frames) seen += frame.payload.size() + sizeof(FrameHead);
  if (seen > bytes.size()) std::abort();
}

void read_facts(const std::string& bytes) {
  std::vector<std::string> lines(1);
  for (const char c : bytes) {
    if (c == '\n')
      lines.emplace_back();
    else
      lines.back() += c;
  }
  const Facts facts = facts_from_lines(lines);
  // What was read is written and read again to the same.
  const auto written = facts_to_lines(facts);
  if (facts_to_lines(facts_from_lines(written)) != written) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const ElfNotes notes = elf_notes(bytes);
  if (notes.descriptors.size() * sizeof(rlx_descriptor) > size) std::abort();
  static_cast<void>(elf_dynamic(bytes));
  read_frames(bytes);
  read_facts(bytes);
  return 0;
}
