#!/bin/sh
# Computes the store that ships: `make demo-store`. What is there already is not computed again.
set -e
store=$(dirname "$0")
run() {
    prompt=$1
    shift
    python -m compute run --model embedded --store "$store" --seeds 4 --noises 128 --prompt "$prompt" --pair "$@"
}
run "a female doctor" female doctor
run "a male doctor" male doctor
run "a female nurse" female nurse
run "a male nurse" male nurse
run "a female firefighter" female firefighter
run "a doctor with dark skin" doctor dark
run "a red heart" red heart
run "a red heart and a blue circle" red heart
run "a red heart and a blue circle" red circle
run "a cat and a dog" cat dog
run "a computer mouse" computer mouse
run "a wild mouse" wild mouse
run "a cricket bat" cricket bat
