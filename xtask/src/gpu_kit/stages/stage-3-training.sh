#!/bin/sh
# Stage 3, natively: training from an SAE of the kit, INIT_FROM. Run again, it goes on where it ended.
set -eu
. "$(dirname "$0")/kit.sh"
within_limit "$SECONDS_3"

if [ ! -f "$KIT/ids.safetensors" ]; then
  echo "this kit has no token ids: make it with --corpus" >&2
  exit 1
fi
sae=$KIT/sae
set -- --model "$KIT/$TRAIN_PACK" --device "$DEVICE" --corpus "$KIT/ids.safetensors"
set -- "$@" --heldout "$KIT/tree/tests/fixtures/heldout.jsonl" --cache "$KIT/streams" --out "$sae"
[ -z "$INIT_FROM" ] || set -- "$@" --init-from "$KIT/$INIT_FROM"
[ ! -f "$sae/training.safetensors" ] || set -- "$@" --resume
# A minute before the limit it writes what it has.
minutes=$(( (SECONDS_3 - 60) / 60 ))
# shellcheck disable=SC2086 # Several flags.
logged training.txt temporal-lens train "$@" --tokens "$TRAIN_TOKENS" --max-minutes "$minutes" $TRAIN_FLAGS
# In pieces that can be carried back: cat sae.tar.* | tar --extract
tar --create --directory "$sae" conf.yaml latest_ckpt.safetensors | split --bytes=15000000 --numeric-suffixes - "$RESULTS/sae.tar."
ls -l "$RESULTS"
