#!/bin/sh
# Trains the embedded model on from its weights on a CUDA machine that may have no network, within nine minutes.
#
#   here:   sh tests/gpu/train_embedded.sh prepare [PACKAGES]   cached pictures and wheels into build/embedded (8 MB)
#   there:  sh tests/gpu/train_embedded.sh train [MINUTES]      writes model.tar, train.jsonl and train.log into $OUT
#   here:   sh tests/gpu/train_embedded.sh judge model.tar      unpacks it to build/embedded/model and writes its card
#
# build/embedded has to travel with the working tree. A machine without CUDA trains on its processor cores.
set -eu
cd "$(dirname "$0")/../.."
PYTHON=${PYTHON:-python3}
folder=build/embedded

case ${1:-} in
prepare)
    packages=${2:-$folder/downloaded}
    mkdir -p "$folder/wheels"
    $PYTHON - "$packages" "$folder/packages" <<'PY'
import sys
from pathlib import Path
from compute.embedded import pictures
packages, into = map(Path, sys.argv[1:])
pictures.download(packages)
pictures.pack(packages, into)
PY
    $PYTHON -m pip download -q --no-deps --only-binary=:all: -d "$folder/wheels" "$(grep -i '^diffusers' requirements.txt)"
    ;;
train)
    out=${OUT:-$folder/out}
    mkdir -p "$out"
    if ! $PYTHON -c 'import diffusers' 2>/dev/null; then
        $PYTHON -m pip install -q --no-index --no-deps --no-compile --target "$folder/site" "$folder"/wheels/*.whl
        export PYTHONPATH="$folder/site"
    fi
    $PYTHON -c 'import sys
from pathlib import Path
from compute.embedded import train
if __name__ == "__main__":
    train.train(Path(sys.argv[1]), float(sys.argv[2]), Path("compute/embedded/weights"))
' "$folder" "${2:-8}" >"$out/train.log" 2>&1 || { tail -20 "$out/train.log"; exit 1; }
    cp "$folder/train.jsonl" "$out/"
    tar -cf "$out/model.tar" -C "$folder" model
    ;;
judge)
    tar -xf "$2" -C "$folder"
    $PYTHON -c 'import sys
from pathlib import Path
from compute.embedded import card
from compute.models import registry
folder = Path(sys.argv[1])
print("missed:", *card.write(registry.load(str(folder / "model")), folder).missed, sep="\n  ")
' "$folder"
    ;;
*)
    echo "prepare, train or judge?" >&2
    exit 2
    ;;
esac
