// SPDX-License-Identifier: Apache-2.0
// rlx explain CODE: what an error code means and what to do.
#include <cstdio>

#include "command.h"
#include "json.h"

namespace rlx_tool {

int explain_command(const Arguments& arguments) {
  namespace po = boost::program_options;
  std::string code;
  bool json = false;
  po::options_description options("Options");
  options.add_options()("help,h", "show this text")("code", po::value(&code)->value_name("CODE")->required(), "e.g. RLX-E0211")  //
      ("json", po::bool_switch(&json), "print JSON (schema rlx.explain/1)");
  po::positional_options_description positional;
  positional.add("code", 1);
  const char* usage = "Usage: rlx explain CODE\nSays what an error code means and what to do about it; every error message carries one.";
  if (const int stop = parse(arguments, options, positional, usage); stop >= 0) return stop;
  const std::string text = rlx::explain(code);
  if (text.empty()) {
    std::fprintf(stderr, "rlx: no error code `%s`; they look like RLX-E0211\n", code.c_str());
    return kFailed;
  }
  if (json) print_json({{"schema", "rlx.explain/1"}, {"code", code}, {"text", text}});
  else std::printf("%s\n", text.c_str());
  return kDone;
}

}  // namespace rlx_tool
