#!/usr/bin/env bash
# Fuzzes with libFuzzer under ASan and UBSan, each target for a while, from its corpus in the tree.
# usage: fuzz.sh [seconds=60] [target...]     no target: all
# New inputs go to build/fuzz/found/<target>/, crashers to build/fuzz/crashes/<target>-*.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/lib.sh

seconds=60
if [[ "${1:-}" =~ ^[0-9]+$ ]]; then
  seconds=$1
  shift
fi
targets=("$@")
if [ ${#targets[@]} = 0 ]; then
  for source in fuzz/*_fuzz.cc; do targets+=("$(basename "$source" .cc)"); done
fi

tools/setup.sh dev
build=build/fuzz
cmake --preset fuzz >/dev/null
cmake --build --preset fuzz --target "${targets[@]}"

failed=()
for target in "${targets[@]}"; do
  found=$build/found/$target
  mkdir -p "$found" "$build/crashes" "fuzz/corpus/$target"
  say "== $target, $seconds s"
  "$build/fuzz/$target" "$found" "fuzz/corpus/$target" -max_total_time="$seconds" \
    -timeout=10 -rss_limit_mb=2048 -malloc_limit_mb=1024 -max_len=65536 -print_final_stats=1 \
    -artifact_prefix="$build/crashes/$target-" >"$build/$target.log" 2>&1 || failed+=("$target")
  grep -E '^stat::|ERROR|SUMMARY' "$build/$target.log" >&2 || tail -n 5 "$build/$target.log" >&2
done
[ ${#failed[@]} = 0 ] || die "fuzz: failed: ${failed[*]}" "inputs: $build/crashes/, logs: $build/<target>.log"
