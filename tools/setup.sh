#!/usr/bin/env bash
# Installs the Debian packages that bora needs and this machine lacks. Nothing missing: nothing done.
# usage: setup.sh [run|test|dev]
#   run   (default) what building and running bora takes
#   test  also what `make test` takes
#   dev   also the compilers and tools for the sanitizer, fuzz, tidy and benchmark presets
# Needs root or a passwordless sudo only when a package is missing.
# BORA_SETUP=skip: look at nothing, for systems that are not Debian.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/lib.sh

run_packages=(g++ cmake ninja-build pkg-config git make ccache ca-certificates
              python3 python3-pip unzip
              libfmt-dev libsimdjson-dev libonig-dev libutf8proc-dev
              libcli11-dev nlohmann-json3-dev libedit-dev libxxhash-dev
              libcurl4-openssl-dev nettle-dev libhwloc-dev)
test_packages=(python3-venv clang-format libgtest-dev libgmock-dev libsentencepiece-dev libsimde-dev)
dev_packages=(clang clang-tidy libclang-rt-14-dev valgrind libbenchmark-dev)

level=${1:-run}
case $level in
  run)  wanted=("${run_packages[@]}") ;;
  test) wanted=("${run_packages[@]}" "${test_packages[@]}") ;;
  dev)  wanted=("${run_packages[@]}" "${test_packages[@]}" "${dev_packages[@]}") ;;
  *)    die "setup.sh: expected run, test or dev, found '$level'" ;;
esac

[ "${BORA_SETUP:-}" != skip ] || exit 0
command -v dpkg-query >/dev/null ||
  die "setup: expected Debian 12 or a relative of it, found a system without dpkg" \
      "install what these Debian packages hold: ${wanted[*]}" \
      "then run the same command with BORA_SETUP=skip"

missing=()
for package in "${wanted[@]}"; do
  status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) || status=absent
  [ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" = 0 ]; then
  as_root=(env)
elif sudo -n true 2>/dev/null; then
  as_root=(sudo -n env)
else
  die "setup: ${#missing[@]} Debian packages are missing, and installing them takes root" \
      "as root: apt-get update && apt-get install -y --no-install-recommends ${missing[*]}" \
      "then run the same command again"
fi

say "installing ${missing[*]}"
"${as_root[@]}" DEBIAN_FRONTEND=noninteractive apt-get -q update >&2
"${as_root[@]}" DEBIAN_FRONTEND=noninteractive apt-get -qy install --no-install-recommends \
  "${missing[@]}" </dev/null >&2
