#!/bin/sh
# Computes the store that ships: `make demo-store [SEEDS=8] [NOISES=128]`, 2 million evaluations, two hours on two cores. The
# whole results go into WHOLE (build/demo-store), where what is there already is not computed again; what ships is their condensed copy.
set -e
here=$(dirname "$0")
whole=${WHOLE:-build/demo-store}
budget="--seeds ${SEEDS:-8} --noises ${NOISES:-128} --model embedded --dtype float32 --store $whole"
for study in gender homonyms synonyms cohyponyms intervention uniqueness tone; do
    # shellcheck disable=SC2086
    python -m compute study "embedded-$study" $budget
done
# shellcheck disable=SC2086
python -m compute study embedded-gender --guidance 3 --limit 6 $budget
# shellcheck disable=SC2086
python -m compute run --prompt "a female doctor with dark skin" --all-pairs female doctor dark skin $budget
rm -rf "$here/maps"
python -m store condense --store "$whole" --out "$here" \
    --latents embedded-homonyms --bands embedded-homonyms
