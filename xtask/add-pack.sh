#!/bin/sh
# Trunk runs this after every build: the packed model goes beside the pages it has just built.
# `cargo xtask` names its own program, because the compiler for wasm32 may not be the one for xtask.
set -eu
if [ -n "${TEMPORAL_LENS_XTASK:-}" ]; then
  exec "$TEMPORAL_LENS_XTASK" add-pack "$TRUNK_STAGING_DIR"
fi
exec cargo xtask add-pack "$TRUNK_STAGING_DIR"
