/* SPDX-License-Identifier: Apache-2.0 */
/* Chooses a minor that nobody offered. */
#define FAKE_ID "org.example.wrong_minor"
#define FAKE_KIND "wrong_minor"
#define FAKE_CHOSEN_MINOR 5
#include "fake.h"
