// SPDX-License-Identifier: Apache-2.0
// One function per group; each is defined in the group's file.
#pragma once

#include "tools/conform/checks/check.h"

namespace rlx::conform {

std::span<const Check> lif_checks();
std::span<const Check> abi_checks();
std::span<const Check> arg_checks();
std::span<const Check> art_checks();
std::span<const Check> err_checks();
std::span<const Check> lir_checks();
std::span<const Check> buf_checks();
std::span<const Check> opt_checks();
std::span<const Check> cap_checks();
std::span<const Check> mem_checks();
std::span<const Check> dyn_checks();
std::span<const Check> det_checks();
std::span<const Check> con_checks();
std::span<const Check> wgt_checks();
std::span<const Check> can_checks();
std::span<const Check> res_checks();
std::span<const Check> lir_hostile_checks();
std::span<const Check> prf_checks();

}  // namespace rlx::conform
