// SPDX-License-Identifier: Apache-2.0
// librlx is made of the rooms' static libraries; this file only gives the linker something to start from.
