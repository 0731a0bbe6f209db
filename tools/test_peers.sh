#!/usr/bin/env bash
# Compares bora with transformers (logits, tokens, templates) and with llama.cpp (greedy text).
# usage: test_peers.sh [transformers] [llama]     no argument: both
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/lib.sh

[ $# -gt 0 ] || set -- transformers llama
peers=${BORA_PEERS:-$HOME/.cache/bora-peers}
bora=build/release/bora

make --no-print-directory build
assets=$(tools/fetch_test_assets.sh)
while IFS='=' read -r name path; do export "$name=$path"; done <<<"$assets"
tools/build_peers.sh "$@"

status=0
for peer in "$@"; do
  say "== $peer"
  case $peer in
    transformers)
      "$peers/hf-venv/bin/python" tools/compare_with_transformers.py --bora "$bora" \
        tests/data/golden/models/* "$BORA_TEST_SMOLLM2_HF" || status=1 ;;
    llama)
      tools/compare_with_llama.py --bora "$bora" --model "$BORA_TEST_SMOLLM2" \
        --llama "$peers/llama.cpp/build/bin/llama-completion" || status=1 ;;
  esac
done
exit "$status"
