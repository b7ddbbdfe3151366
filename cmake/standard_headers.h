// SPDX-License-Identifier: Apache-2.0
// What nearly every C++ source includes, parsed once a build (see rlx_reuse_headers in rlx.cmake). Sources still include
// what they use: builds with ccache do without this.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <variant>
#include <vector>
