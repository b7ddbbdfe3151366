/* SPDX-License-Identifier: Apache-2.0 */
/* Refuses to open, with a message that has no end. */
#define FAKE_ID "org.example.open_fails"
#define FAKE_KIND "open_fails"
#define FAKE_IN_OPEN                                  \
  memset(error->message, 'x', sizeof error->message); \
  return RLX_STATUS_INTERNAL;
#include "fake.h"
