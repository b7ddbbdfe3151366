// SPDX-License-Identifier: Apache-2.0
// RLX_API marks what the shared library exports; everything else is hidden.
#pragma once

#define RLX_API __attribute__((visibility("default")))
