#!/usr/bin/env bash
# What only a CUDA machine can show, in under 8 minutes on a card with 78 GiB: bash tests/gpu/check.sh [folder for a log]
# The last lines are one table. It exits with 1 if a row failed.
set -u
cd "$(dirname "$0")/../.."
out=${1:-$(mktemp -d)}
python -c "import torch, diffusers, transformers" 2>"$out/imports.txt" || python -m pip install -q -r requirements.txt
timeout 450 python -m tests.gpu.check 2>"$out/errors.txt" | tee "$out/table.txt"
exit "${PIPESTATUS[0]}"
