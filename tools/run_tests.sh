#!/usr/bin/env bash
# What `make test` does: set-up, the files that tests read, the release build, checks, ctest, and in the
# end what was left out. Needs no network the second time. Exit status: 0 only if everything passed.
# usage: run_tests.sh [ctest arguments]
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/lib.sh

tools/setup.sh test
assets=$(tools/fetch_test_assets.sh)
while IFS='=' read -r name path; do export "$name=$path"; done <<<"$assets"

say "== checks"
tools/check_style.py
tools/check_arrows.py

say "== build"
build=build/release
cmake --preset release -DBORA_BUILD_TESTS=ON
cmake --build --preset release

say "== tests"
report=$PWD/$build/test-results.xml
status=0
ctest --test-dir "$build" -j2 --output-on-failure --no-tests=error \
  --output-junit "$report" "$@" </dev/null || status=$?

say "== left out"
tools/report_tests.py "$report"
say "make test-peers (transformers, llama.cpp, huggingface_hub) and make torture (sanitizers, clang, clang-tidy, fuzzing) were not run"
exit "$status"
