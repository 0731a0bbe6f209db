#!/usr/bin/env bash
# The long checks: both compilers, sanitizers, each ISA that this CPU has, clang-tidy, minutes of fuzzing.
# usage: torture.sh [fuzz seconds per target=600]
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/lib.sh

tools/setup.sh dev
assets=$(tools/fetch_test_assets.sh)
while IFS='=' read -r name path; do export "$name=$path"; done <<<"$assets"

failed=()
stage() { # NAME COMMAND...
  say "== $1"
  "${@:2}" || failed+=("$1")
}
stage clang cmake --workflow --preset clang
stage asan-ubsan cmake --workflow --preset asan-ubsan
stage tsan cmake --workflow --preset tsan
stage release cmake --workflow --preset release
stage hub-kills python3 tests/hub/bora_test.py build/release/bora --kills 200 Kills
stage isa-scalar ctest --preset isa-scalar
grep -qw avx2 /proc/cpuinfo && stage isa-avx2 ctest --preset isa-avx2
grep -qw avx512_vnni /proc/cpuinfo && stage isa-avx512 ctest --preset isa-avx512
grep -qw avx512_bf16 /proc/cpuinfo && stage isa-avx512_bf16 ctest --preset isa-avx512_bf16
grep -qw amx_bf16 /proc/cpuinfo && stage isa-amx ctest --preset isa-amx
stage tidy cmake --workflow --preset tidy
stage fuzz tools/fuzz.sh "${1:-600}"
[ ${#failed[@]} = 0 ] || die "torture: failed: ${failed[*]}"
