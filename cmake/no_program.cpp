// SPDX-License-Identifier: Apache-2.0
// Gives the targets of rlx_reuse_headers something to compile.
int main() { return 0; }
