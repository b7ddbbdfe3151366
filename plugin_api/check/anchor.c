/* SPDX-License-Identifier: Apache-2.0 */
/* What a header is put in front of to be compiled alone. */
typedef int rlx_anchor;
