// SPDX-License-Identifier: Apache-2.0
// rlx explain CODE
#include <cstdio>

#include "command.h"

namespace rlx_tool {

int explain_command(const Arguments& arguments) {
  namespace po = boost::program_options;
  std::string code;
  po::options_description options("Options");
  options.add_options()("help,h", "show this text")("code", po::value(&code)->value_name("CODE")->required(), "e.g. RLX-E0211");
  po::positional_options_description positional;
  positional.add("code", 1);
  if (const int stop = parse(arguments, options, positional, "Usage: rlx explain CODE"); stop >= 0) return stop;
  const std::string text = rlx::explain(code);
  if (text.empty()) {
    std::fprintf(stderr, "rlx: no error code `%s`; they look like RLX-E0211\n", code.c_str());
    return kFailed;
  }
  std::printf("%s\n", text.c_str());
  return kDone;
}

}  // namespace rlx_tool
