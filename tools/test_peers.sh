#!/usr/bin/env bash
# Compares bora with transformers (logits, tokens, templates) and with llama.cpp (greedy text, of SmolLM2 as it
# is and in the types that llama-quantize makes of it, kept in $BORA_PEERS/quantized).
# Has huggingface_hub download from the test double of the Hub, and share a cache with bora.
# usage: test_peers.sh [transformers] [llama] [hub]     no argument: all
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/lib.sh

[ $# -gt 0 ] || set -- transformers llama hub
peers=${BORA_PEERS:-$HOME/.cache/bora-peers}
bora=build/release/bora

make --no-print-directory build
assets=$(tools/fetch_test_assets.sh)
while IFS='=' read -r name path; do export "$name=$path"; done <<<"$assets"
tools/build_peers.sh "$@"

# SmolLM2's rows of 576 are no whole super-blocks: there llama-quantize falls back to Q5_0, Q5_1, Q8_0 and IQ4_NL;
# those of 1536 get the type itself. The coarse types leave a model of this size so uncertain that llama.cpp's
# 8-bit activations alone turn its choices: there it computes with the same numbers as F32.
quantized_types=(Q8_0 Q6_K Q5_K_M Q4_K_M IQ4_NL IQ4_XS)
coarse_types=(Q3_K_M Q2_K)

quantized() { # GGUF TYPE: prints the file
  local file
  file=$peers/quantized/$(basename "$1" .gguf)-$2.gguf
  if [ ! -f "$file" ]; then
    mkdir -p "$peers/quantized"
    "$peers/llama.cpp/build/bin/llama-quantize" --allow-requantize "$1" "$file.part" "$2" 2 \
      >"$file.log" 2>&1 || die "llama-quantize: $2 failed" "log: $file.log"
    mv "$file.part" "$file"
  fi
  echo "$file"
}

compare_with_llama() { # GGUF [--llama-model GGUF]
  tools/compare_with_llama.py --bora "$bora" --llama "$peers/llama.cpp/build/bin/llama-completion" \
    --model "$@" || status=1
}

status=0
for peer in "$@"; do
  say "== $peer"
  case $peer in
    transformers)
      "$peers/hf-venv/bin/python" tools/compare_with_transformers.py --bora "$bora" \
        tests/data/golden/models/* "$BORA_TEST_SMOLLM2_HF" || status=1 ;;
    hub)
      "$peers/hub-venv/bin/python" tests/hub/peer_test.py || status=1
      "$peers/hub-venv/bin/python" tests/hub/bora_peer_test.py "$bora" || status=1 ;;
    llama)
      compare_with_llama "$BORA_TEST_SMOLLM2"
      for type in "${quantized_types[@]}"; do
        say "-- $type"
        compare_with_llama "$(quantized "$BORA_TEST_SMOLLM2" "$type")"
      done
      for type in "${coarse_types[@]}"; do
        say "-- $type"
        file=$(quantized "$BORA_TEST_SMOLLM2" "$type")
        compare_with_llama "$file" --llama-model "$(quantized "$file" F32)"
      done ;;
  esac
done
exit "$status"
