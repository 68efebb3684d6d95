#!/bin/sh
# Packs folders of the unpacked data (build/testdata/...) again, or renews the sums alone.
# usage: tests/data/pack.sh [FOLDER ...], such as: tests/data/pack.sh build/testdata/0123456789abcdef/models
set -eu
here=$(cd "$(dirname "$0")" && pwd)
for folder in "$@"; do
  name=$(basename "$folder")
  tar -C "$(dirname "$folder")" --sort=name --owner=0 --group=0 --numeric-owner --mtime=2026-01-01 \
    --mode='u=rw,go=r,a+X' --format=ustar -c "$name" | xz -9e > "$here/$name.tar.xz"
done
cd "$here"
find . -type f ! -name SHA256SUMS ! -name '*.md' ! -name pack.sh | sed 's,^\./,,' | LC_ALL=C sort | xargs sha256sum > SHA256SUMS
