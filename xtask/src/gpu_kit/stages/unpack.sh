#!/bin/sh
# Puts the kit together: sh part-001/unpack.sh [FOLDER], with all its parts in one folder.
set -eu
parts=$(cd "$(dirname "$0")/.." && pwd)
to=${1:-$parts/kit}
found=$(ls "$parts"/part-*/kit.tar.gz.* | wc -l)
if [ "$found" -ne PARTS ]; then
  echo "$found of PARTS parts are in $parts: copy the others there" >&2
  exit 1
fi
hash=$(cat "$parts"/part-*/kit.tar.gz.* | sha256sum | cut -d ' ' -f 1)
if [ "$hash" != HASH ]; then
  echo "the parts in $parts are damaged, or of several kits: copy them again" >&2
  exit 1
fi
mkdir -p "$to"
cat "$parts"/part-*/kit.tar.gz.* | tar --extract --gzip --directory "$to"
echo "the kit is in $to; run its stages: sh $to/stage-1-native.sh"
