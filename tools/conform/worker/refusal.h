// SPDX-License-Identifier: Apache-2.0
// Of an image that is not NATIVE as a whole: whether the plugin refuses it, and with which words.
#pragma once

#include "tools/conform/worker/model.h"

namespace rlx::conform {

/// Ends a case whose image the claims cover and the plugin does not answer NATIVE for: as refused, with the reason that the
/// plugin gives for the first op it does not take; as unsupported where all it wants is to have composites expanded. Says
/// nothing where the case has failed already.
void end_refused(Run& run, Session& session, const Model& model);

}  // namespace rlx::conform
