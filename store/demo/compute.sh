#!/bin/sh
# Computes the store that ships: `make demo-store [SEEDS=8] [BIAS=32] [SCENES=64]`, noises of an image in bias tables and of all others;
# 0.7 million evaluations, an hour and a half on two cores. The whole results go into WHOLE (build/demo-store), where what is there
# already is not computed again; what ships is their condensed copy.
set -e
here=$(dirname "$0")
whole=${WHOLE:-build/demo-store}
common="--seeds ${SEEDS:-8} --model embedded --dtype float32 --store $whole"
cores=$(getconf _NPROCESSORS_ONLN)
export OMP_NUM_THREADS=$(((cores + 1) / 2))

bias() {
    # shellcheck disable=SC2086
    set -- $common --noises "${BIAS:-32}"
    python -m compute study embedded-gender "$@"
    python -m compute study embedded-tone "$@"
    python -m compute study embedded-gender --guidance 3 --limit 6 "$@"
}

scenes() {
    # shellcheck disable=SC2086
    set -- $common --noises "${SCENES:-64}"
    for study in homonyms intervention synonyms cohyponyms uniqueness; do
        python -m compute study "embedded-$study" "$@"
    done
}

bias & first=$!
scenes & second=$!
trap 'kill $first $second 2>/dev/null || true' EXIT
wait $first
wait $second
# the newest result is the one that Explorer opens on
# shellcheck disable=SC2086
python -m compute run --prompt "a female doctor with dark skin" --all-pairs female doctor dark skin $common --noises "${SCENES:-64}"
rm -rf "$here/maps"
python -m store condense --store "$whole" --out "$here" \
    --latents embedded-homonyms --bands embedded-homonyms
