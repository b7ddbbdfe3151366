// SPDX-License-Identifier: Apache-2.0
// The text form of graphs and of dims, from strangers: any bytes may come. What reads prints, and reads again to the same
// text; judging it by verify() does not fail in another way than by an error.
#include <cstdlib>
#include <string_view>

#include "runtime/ir/text.h"
#include "runtime/ir/verify.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto dim = rlx::parse_dim(text)) {
    const auto again = rlx::parse_dim(dim->to_string());
    require(again && *again == *dim);
    (void)static_cast<bool>(dim->evaluate({{"a", 3}, {"b", 0}, {"seq", INT64_MAX}}));
  }
  if (const auto graph = rlx::parse_graph(text)) {
    const std::string once = rlx::print(*graph);
    const auto again = rlx::parse_graph(once);
    require(again && rlx::print(*again) == once);
    (void)static_cast<bool>(rlx::verify(*graph));
  }
  return 0;
}
