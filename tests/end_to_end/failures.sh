#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every test that docs/failures.md names is a test.
source "$(dirname "$0")/lib.sh"

names=$(grep -oE '`[A-Z][A-Za-z]*\.[A-Z][A-Za-z]*`' "$source/docs/failures.md" | tr -d '`' | sort -u)
expect 0 '' test "$(wc -w <<<"$names")" -ge 40
for name in $names; do
  expect 0 '' grep -rqE "TEST(_[FP])?\(${name%.*}, ${name#*.}\)" --include='*.cpp' "$source/tests/unit"
done
finish
