// SPDX-License-Identifier: Apache-2.0
// Throws across the border.
#include "thrower.h"

#include <stdexcept>

void fake_throw(const char* what) { throw std::runtime_error(what); }
