/* SPDX-License-Identifier: Apache-2.0 */
/* Works, and has no device. */
#define FAKE_ID "org.example.no_device"
#define FAKE_KIND "no_device"
#define FAKE_DEVICES 0
#define FAKE_REASON "the driver (libfake.so.1) is not installed"
#include "fake.h"
