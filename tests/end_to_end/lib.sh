# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Expectations of the end-to-end scripts. Sourced; sets build, source, model and work (a folder that goes at the end).
set -uo pipefail
build=$1 source=$2
# shellcheck disable=SC2034
model=${RLX_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/rlx}/models/all-MiniLM-L6-v2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

# expect CODE PATTERN COMMAND...: runs it; the exit code must be CODE and the output (both streams) must match PATTERN.
expect() {
  local code=$1 pattern=$2 output status
  shift 2
  output=$("$@" 2>&1)
  status=$?
  if [ "$status" -ne "$code" ] || ! grep -qE -- "$pattern" <<<"$output"; then
    printf 'FAILED: %s\n  wanted exit %s and /%s/, got exit %s and:\n%s\n' "$*" "$code" "$pattern" "$status" "$output"
    failures=$((failures + 1))
  fi
}

# refuse PATTERN COMMAND...: the output must not match.
refuse() {
  local pattern=$1 output
  shift
  output=$("$@" 2>&1)
  if grep -qE -- "$pattern" <<<"$output"; then
    printf 'FAILED: %s\n  must not print /%s/, got:\n%s\n' "$*" "$pattern" "$output"
    failures=$((failures + 1))
  fi
}

finish() {
  [ "$failures" -eq 0 ] || exit 1
  echo "all as expected"
}
need_model() {
  [ -f "$model/model.safetensors" ] && return
  echo "the test model is missing at $model: run tools/fetch_model.sh"
  [ -n "${RLX_ALLOW_NO_MODEL:-}" ] && exit 77
  exit 1
}
