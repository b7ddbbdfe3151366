// SPDX-License-Identifier: Apache-2.0
// All generic kernels at once, for the code that dispatches ops.
#pragma once

#include "composite.h"
#include "contraction.h"
#include "elementwise.h"
#include "movement.h"
#include "pointwise.h"
#include "reduction.h"
#include "rng.h"
#include "view.h"
