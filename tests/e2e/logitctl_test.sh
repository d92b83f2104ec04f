#!/usr/bin/env bash
# logitctl against the real server and the real demo model: refusals, exit codes,
# and a server that dies in the middle of a text.
set -euo pipefail

readonly name=logitctl
source "$(dirname "$0")/box.sh"
export LOGITD_DEMO_MODEL="unix:$box/demo-model.sock"

# silent CODE ARGS...: logitctl ARGS exits with CODE and leaves stdout empty.
silent() {
  local code=$1 status=0
  shift
  "$bin/logitctl" "$@" >"$box/output" 2>/dev/null </dev/null || status=$?
  [[ $status -eq $code ]] || fail "exit code $status, not $code: $*"
  [[ ! -s $box/output ]] || fail "writes to stdout: $*"
}

# npy FILE SHAPE FLOAT...: a file as numpy.save writes it.
npy() {
  /usr/bin/python3 - "${descr:-<f4}" "$@" <<'PYTHON'
import struct, sys
descr, file, shape, *values = sys.argv[1:]
kind, number = {"<f4": ("f", float), "|u1": ("B", int)}[descr]
header = "{'descr': '%s', 'fortran_order': False, 'shape': %s, }" % (descr, shape)
header += " " * (-(11 + len(header)) % 64) + "\n"
with open(file, "wb") as out:
    out.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)))
    out.write(header.encode())
    out.write(struct.pack("<%d%s" % (len(values), kind), *map(number, values)))
PYTHON
}

start() {
  "$bin/logitd" --listen "$LOGITD_TARGET" >"$box/logitd.log" 2>&1 &
  pids+=($!)
  "$bin/logitd-demo-model" --listen "$LOGITD_DEMO_MODEL" \
      >"$box/model.log" 2>&1 &
  pids+=($!)
  for _ in {1..150}; do
    if "$bin/logitctl" health >/dev/null 2>&1 &&
        "$bin/logitctl" health --target "$LOGITD_DEMO_MODEL" \
            >/dev/null 2>&1; then
      return
    fi
    sleep 0.1
  done
  fail "no servers: $(cat "$box/logitd.log" "$box/model.log")"
}

start
expect 0 SERVING health
expect 0 logitd/1 info
expect 0 '"max_inflight"' info --json
expect 0 'tokens/s' generate --seed 42 --top-p 0.9
expect 0 'the the the' generate --allow the --max-tokens 3
expect 0 '(prompt): in the' generate --show-phases --prompt 'in the' --max-tokens 3
expect 0 'base: the the the' generate --show-phases --allow the --max-tokens 3
expect 2 '--show-phases excludes --json' generate --show-phases --json
expect 0 '[65007, 72121, 6]' tokenize thank you '</s>'
expect 2 '"xyzzyq" is neither a word' tokenize xyzzyq
expect 0 'as at 0.5' sweep --knob min_p --values 0.5,0.1 --seed 3
echo "ok: text from the service"

expect 1 'top_p: 1.5 is outside (0, 1]' generate --top-p 1.5
expect 0 'tokens/s' generate --seed 42 --mirostat 2 --mirostat-tau 3
expect 0 'tokens/s' generate --seed 42 --p-less --dry-multiplier 0.8
expect 1 'conflicts with top_p' generate --set mirostat=2 --top-p 0.9
expect 1 'logit_bias' generate --logit-bias 99999=1
expect 1 'top_k: 0 is outside' sweep --knob top_k --values 5,0
expect 0 '3 flips' sweep --knob temperature --from 0 --to 2 --seed 42
expect 0 '"word_above": ' sweep --knob temperature --from 0 --to 2 --seed 42 -o json
expect 1 'sweep.from: top_p: 0 is outside' sweep --knob top_p --from 0 --to 1
expect 0 'drawn: make (39102), rank 7 of 43' explain --prompt 'i want to' --seed 42 \
    --temperature 0.7 --top-p 0.9 --repetition-penalty 1.3
expect 0 'top_p             logit    -9.278156          -  removed' explain \
    --prompt 'i want to' --seed 42 --temperature 0.7 --top-p 0.9 \
    --repetition-penalty 1.3 --tokens to
expect 0 '"block_uniform": ' explain --prompt 'i want to' --seed 42 -o json
expect 0 'greedy: ' explain --temperature 0
expect 2 'is neither a word of the model nor an id' explain --tokens xyzzyq
expect 1 'unknown word: xyzzyq' generate --prompt 'hello xyzzyq'
echo "ok: refusals name field, value and range"

# quiet ARGS...: logitctl ARGS says nothing of what was asked for.
quiet() {
  expect 0 '' "$@"
  ! grep -q asked "$box/output" || fail "says that it was overruled: $*"
}

few=(--seed 3 --max-tokens 3)
expect 0 'created profiles/code@1' profiles import "$source_dir/deploy/profiles"
expect 0 'temperature: asked 1.7, used 0, by profile force' \
    generate --profile greedy --temperature 1.7 --quiet "${few[@]}"
grep -q '^temperature: asked 1.7' "$box/output" || fail 'no line of its own'
expect 0 'temperature: asked 1.9, used 1, by profile clamps[0]' \
    generate --profile code --temperature 1.9 "${few[@]}"
quiet generate --profile code --temperature 0.9 "${few[@]}"
quiet generate --profile greedy --temperature 0 "${few[@]}"
expect 0 'temperature 1.9 (used 1)' sweep --profile code --knob temperature \
    --values 0.2,1.5,1.9 "${few[@]}"
for told in 'temperature 0.2 .*temperature 1.5 (used 1)' \
    '^temperature: asked 1.5, used 1, by profile clamps\[0\]$' \
    '^temperature: asked 1.9, used 1, by profile clamps\[0\]$'; do
  grep -q "$told" "$box/output" || fail "sweep does not say $told"
done
expect 0 'repetition_penalty: asked 1.5, used 1, by profile force' \
    sweep --profile strict-extraction --knob min_p --values 0.1,0.2 \
    --repetition-penalty 1.5 "${few[@]}"
[[ $(grep -c 'asked 1.5' "$box/output") -eq 1 ]] || fail 'says it twice'
for command in generate 'sweep --knob top_k --values 1' 'resolve --vocab-size 9'
do
  # shellcheck disable=SC2086
  expect 1 'the nearest profile is code' $command --profile cod
  grep -q 'there is no profiles/cod' "$box/output" || fail 'hides the error'
done
echo "ok: what a profile overrules is told"

npy "$box/rows.npy" '(3, 4)' 0 9 0 0  0 0 9 0  9 0 0 0
expect 0 $'2\t0\t' sample "$box/rows.npy" --temperature 0
expect 0 '"token": 2' sample "$box/rows.npy" --seed 1 --top-k 1 --json
expect 0 'skipped' sample "$box/rows.npy" --seed 1 --top-k 1 --eos 1
expect 0 $'0\t1\t-' sample "$box/rows.npy" --seed 1 --top-k 2
expect 0 $'\t2\t33bc577e574036aa\t0,1' sample "$box/rows.npy" --seed 1 --top-k 2 \
    --row-digest --kept-ids
expect 0 '"kept_ids": [0, 1]' sample "$box/rows.npy" --seed 1 --top-k 2 \
    --kept-ids --json
npy "$box/with.npy" '(1, 4)' 3 2 0 0
npy "$box/without.npy" '(1, 4)' 3 0 0 0
expect 0 $'0\t0\t' sample "$box/with.npy" --temperature 0
expect 0 $'0\t1\t' sample "$box/with.npy" --temperature 0 \
    --guidance "$box/without.npy" --set guidance_scale=3
expect 1 'guidance_row: required' sample "$box/with.npy" \
    --set guidance_scale=3
expect 1 'guidance_row: given' sample "$box/with.npy" \
    --guidance "$box/without.npy"
expect 2 'not of the shape' sample "$box/with.npy" --guidance "$box/rows.npy"
npy "$box/nan.npy" '(2, 4)' 0 0 0 0  0 nan 0 0
expect 1 'row 1: INVALID_ARGUMENT' sample "$box/nan.npy" --seed 1
expect 1 'banned_ids: id 99' sample "$box/rows.npy" --ban 99
"$bin/logitd" --listen "unix:$box/greedy.sock" --admin_http off \
    --profile_dir "$source_dir/deploy/profiles" --default_profile greedy \
    >"$box/greedy.log" 2>&1 &
pids+=($!)
for _ in {1..150}; do
  ! "$bin/logitctl" health --target "unix:$box/greedy.sock" \
      >/dev/null 2>&1 || break
  sleep 0.1
done
expect 0 'temperature: asked 2, used 0, by profile force' sample \
    "$box/rows.npy" --target "unix:$box/greedy.sock" --temperature 2
npy "$box/short.npy" '(2, 5)' 1 2 3
expect 2 'needs 4 for each' sample "$box/short.npy"
echo "ok: rows from a file"

expect 0 $'0\t' sample "$box/rows.npy" --seed 3 --receipt "$box/receipt.json"
expect 0 '3  drawn tokens follow' replay "$box/receipt.json" "$box/rows.npy"
expect 0 '"same": 3, "other": 0' replay "$box/receipt.json" "$box/rows.npy" \
    --json
npy "$box/drift.npy" '(3, 4)' 0 9 0 0  0 0 9 0  9 1 0 0
expect 5 'the rows have changed' replay "$box/receipt.json" "$box/drift.npy"
expect 5 'first row:   2, of token 2' replay "$box/receipt.json" \
    "$box/drift.npy"
sed 's/"tokens": "[^"]*"/"tokens": "AwAAAAMAAAADAAAA"/' "$box/receipt.json" \
    >"$box/other.json"
expect 5 'the receipt has changed' replay "$box/other.json" "$box/rows.npy"
expect 5 'first token: 0, of row 0, was 3' replay "$box/other.json" \
    "$box/rows.npy"
sed 's/"vocab_size": 4,/&"params": {"top_k": 2},/' "$box/receipt.json" \
    >"$box/rules.json"
expect 1 'the first difference is line' replay "$box/rules.json" "$box/rows.npy"
expect 2 'rows: 1 rows are fewer' replay "$box/receipt.json" "$box/with.npy"
expect 2 'not a receipt' replay "$box/rows.npy" "$box/rows.npy"
echo '{}' >"$box/empty.json"
expect 2 'no receipt is in it' replay "$box/empty.json" "$box/rows.npy"
expect 0 $'0\t' sample "$box/with.npy" --seed 3 --guidance "$box/without.npy" \
    --set guidance_scale=3 --receipt "$box/guided.json"
expect 0 '1  drawn tokens follow' replay "$box/guided.json" "$box/with.npy" \
    --guidance "$box/without.npy"
expect 0 'america' generate --prompt 'in the united states of' --seed 5 \
    --max-tokens 3 --temperature 0 --receipt "$box/text.json" \
    --save-rows "$box/text.npy"
expect 0 'drawn tokens follow' replay "$box/text.json" "$box/text.npy"
expect 0 'parts at token: 0, of row 0' replay "$box/text.json" "$box/text.npy" \
    --temperature 2 --seed 9
expect 0 '"other": 0' replay "$box/text.json" "$box/text.npy" --seed 9 --json
expect 2 'temperature: "x" is not' replay "$box/text.json" "$box/text.npy" \
    --temperature x
expect 2 'without --n' generate --n 2 --receipt "$box/two.json"
expect 2 'holds no bfloat16' generate --dtype bfloat16 --save-rows "$box/b.npy"
expect 2 'cannot write' sample "$box/rows.npy" --receipt "$box/none/r.json"
descr='|u1' npy "$box/masks.npy" '(3, 1)' 15 15 15
expect 0 '3  drawn tokens follow' replay "$box/receipt.json" "$box/rows.npy" \
    --masks "$box/masks.npy"
descr='|u1' npy "$box/mask.npy" '(1, 1)' 15
expect 2 'masks: 1 rows are fewer' replay "$box/receipt.json" "$box/rows.npy" \
    --masks "$box/mask.npy"
expect 2 "neither little-endian uint32" replay "$box/receipt.json" \
    "$box/rows.npy" --masks "$box/rows.npy"
expect 0 'drawn tokens follow' replay "$box/rules.json" "$box/rows.npy" \
    --ignore-fingerprint
expect 0 'the text has ended' replay "$box/text.json" "$box/text.npy" \
    --max-tokens 1
expect 2 'no knob is called "nope"' replay "$box/text.json" "$box/text.npy" \
    --clear nope
expect 0 'drawn tokens would have been' replay "$box/guided.json" \
    "$box/with.npy" --clear guidance_scale
sed 's/"generated_count": 3/"generated_count": 4/' "$box/receipt.json" \
    >"$box/count.json"
expect 5 'the receipt has changed' replay "$box/count.json" "$box/rows.npy"
npy "$box/even.npy" '(4, 4)' 0 0 0 0  0 0 0 0  0 0 0 0  0 0 0 0
fourth=$("$bin/logitctl" sample "$box/even.npy" --seed 5 \
    --repetition-penalty 3 2>/dev/null | awk '$1 == 3 { print $2 }')
expect 0 "drawn: $fourth " explain --rows "$box/even.npy" --row 3 --seed 5 \
    --repetition-penalty 3
expect 2 'needs a --seed' explain --rows "$box/even.npy" --row 3
expect 1 'sweep.to: temperature: 200 is outside' sweep --knob temperature \
    --from 0 --to 200 --rows "$box/even.npy"
expect 2 'the nearest is temperature' sweep --knob temprature --from 0 --to 1
expect 0 'top_k' sweep --knob top-k --from 1 --to 4 --rows "$box/even.npy"
expect 5 'nothing could be checked' replay "$box/guided.json" "$box/with.npy"
expect 0 'guidance ' explain --rows "$box/with.npy" --set guidance_scale=3 \
    --guidance "$box/without.npy"
expect 0 '"repeats": ' sweep --knob temperature --values 0,1 --seed 3 \
    --max-tokens 3 -o json
echo "ok: receipts"

npy "$box/nan_first.npy" '(2, 4)' 0 nan 0 0  0 0 0 0
silent 1 sample "$box/rows.npy" --ban 99
silent 1 sample "$box/nan_first.npy" --seed 1
silent 1 generate --prompt 'in the' --top-p 1.5
silent 1 sweep --knob top_k --values 5,0
echo "ok: a refusal leaves stdout empty"

nobody=(--target "unix:$box/none")
expect 2 'temperature: "abc" is not a number' generate "${nobody[@]}" \
    --temperature abc
expect 2 'no knob is called "nope"' sweep "${nobody[@]}" --knob nope --values 1
expect 2 'top_p: "x" is not' sweep "${nobody[@]}" --knob top_p --values 1,x
expect 2 '"-1" is not a whole number' generate "${nobody[@]}" --seed -1
expect 2 '"bogus" is not a command; there are generate, sweep' bogus
echo "ok: wrong usage is told before anybody is asked"

expect 3 "logitd --listen unix:$box/none" info --target "unix:$box/none"
expect 3 'logitd-demo-model --listen' generate --model-target "unix:$box/none"
"$bin/logitctl" generate --ban-eos --max-tokens 100000 \
    >"$box/text" 2>"$box/errors" &
writer=$!
pids+=("$writer")
for _ in {1..100}; do
  [[ ! -s $box/text ]] || break
  sleep 0.1
done
kill -KILL "${pids[0]}"
status=0
wait "$writer" || status=$?
[[ $status -eq 1 ]] || fail "exit code $status when the server died"
grep -q UNAVAILABLE "$box/errors" || fail "$(cat "$box/errors")"
[[ -z $(tail -c 1 "$box/text") ]] || fail 'the text has no end of line'
expect 3 'Connection refused' generate
echo "ok: nobody there, and a server that dies"
