/* SPDX-License-Identifier: Apache-2.0 */
/* A library like any other. */
__attribute__((visibility("default"))) int rlx_plugin_query(void);
int rlx_plugin_query(void) { return 0; }
