/* SPDX-License-Identifier: Apache-2.0 */
/* A C function that throws, for the fakes that let an exception out. */
#ifdef __cplusplus
extern "C" {
#endif
void fake_throw(const char* what);
#ifdef __cplusplus
}
#endif
