/* SPDX-License-Identifier: Apache-2.0 */
/* Carries two descriptors. */
#define FAKE_ID "org.example.two"
#include "fake.h"
static const rlx_descriptor_note second RLX_DESCRIPTOR_SECTION = {RLX_DESCRIPTOR_NOTE_HEAD, FAKE_DESCRIPTOR};
