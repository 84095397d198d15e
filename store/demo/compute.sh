#!/bin/sh
# Computes the store that ships: `make demo-store`. What is there already is not computed again.
set -e
store=$(dirname "$0")
run() {
    prompt=$1
    shift
    python -m compute run --model embedded --dtype float32 --store "$store" --seeds 4 --noises 128 --prompt "$prompt" "$@"
}
run "a female doctor" --pair female doctor
run "a male doctor" --pair male doctor
run "a female nurse" --pair female nurse
run "a male nurse" --pair male nurse
run "a female firefighter" --pair female firefighter
run "a doctor with dark skin" --pair doctor dark
run "a red heart" --pair red heart
run "a red heart and a blue circle" --all-pairs red heart blue circle
run "a cat and a dog" --pair cat dog
run "a computer mouse" --pair computer mouse
run "a wild mouse" --pair wild mouse
run "a cricket bat" --pair cricket bat
run "a doctor" --probe male doctor
run "a doctor" --probe female doctor
