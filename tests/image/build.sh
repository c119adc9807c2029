#!/usr/bin/env bash
# Builds the Dockerfile without Docker: `tests/image/build.sh FOLDER` leaves the image's files in FOLDER/root and its
# configuration in FOLDER/config.json. Needs root, buildah and debootstrap.
#
# The base, which the Dockerfile takes from a registry, is made of Debian's packages: bookworm with its own Python. FOLDER/base
# is kept, because it takes the longest. The machine's authorities come with it: a proxy may sign what pip fetches.
set -euo pipefail
folder=$(realpath -m "$1")
cd "$(dirname "$0")/../.."
mkdir -p "$folder"
export BUILDAH_ISOLATION=chroot
storage=$(mktemp -d "$folder/storage.XXXXXX")
trap 'rm -rf "$storage"' EXIT
run() { buildah --storage-driver vfs --root "$storage/root" --runroot "$storage/run" "$@"; }

if ! [ -e "$folder/base.made" ]; then
  rm -rf "$folder/base"
  debootstrap --variant=minbase --include=ca-certificates,python3,python3-venv,python-is-python3 bookworm "$folder/base" >"$folder/base.log" ||
    { tail -5 "$folder/base.log"; exit 1; }
  rm -rf "$folder"/base/var/cache/apt/archives/*.deb "$folder"/base/var/lib/apt/lists/*
  touch "$folder/base.made"
fi
cp /etc/ssl/certs/ca-certificates.crt "$folder/base/etc/ssl/certs/ca-certificates.crt"
printf '[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n' >"$folder/base/etc/pip.conf"

base=$(run from scratch)
run copy --quiet "$base" "$folder/base" / >/dev/null
run commit --quiet --rm "$base" localhost/base >/dev/null

run build --quiet --format docker --pull=never --build-arg PYTHON=localhost/base --tag localhost/rootwatch . >"$folder/build.log" 2>&1 ||
  { tail -20 "$folder/build.log"; exit 1; }
run inspect --type image localhost/rootwatch >"$folder/config.json"
container=$(run from --pull=never localhost/rootwatch)
rm -rf "$folder/root"
mv "$(run mount "$container")" "$folder/root"
