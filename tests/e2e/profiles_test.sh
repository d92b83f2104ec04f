#!/usr/bin/env bash
# logitctl profiles, lint and resolve against the real server.
set -euo pipefail

readonly name=profiles
source "$(dirname "$0")/box.sh"
unset LOGITD_ADMIN_TARGET

# says PART: the last command's output has it.
says() {
  grep -qF -- "$1" "$box/output" || fail "does not say \"$1\""
}

# field KEY: of each line, a JSON object.
field() {
  /usr/bin/python3 -c '
import json, sys
for line in sys.stdin:
    print(json.loads(line)[sys.argv[1]])' "$1"
}

# in_phase TITLE LINE...: resolve printed these lines below that title.
in_phase() {
  local title=$1 line
  shift
  awk -v title="$title" '/^[^ ]/ { in_it = $0 == title } in_it' \
      "$box/output" >"$box/section"
  for line in "$@"; do
    grep -qE "^  $line\$" "$box/section" || fail "$title: no $line"
  done
}

etag() {
  "$bin/logitctl" profiles get "$1" | sed -n '1s/.*etag \([^,]*\),.*/\1/p'
}

# serve TARGET FLAGS...: starts a server there and waits for it.
serve() {
  local target=$1
  shift
  "$bin/logitd" --listen "$target" --admin_http off "$@" \
      >>"$box/logitd.log" 2>&1 &
  pids+=($!)
  for _ in {1..150}; do
    ! "$bin/logitctl" health --target "$target" >/dev/null 2>&1 || break
    sleep 0.1
  done
  expect 0 SERVING health --target "$target"
}

serve "$LOGITD_TARGET" --max_stop_sequences 70

printf 'default_params:\n  top_p: 0.9\n' >"$box/one.yaml"
printf 'default_params:\n  top_p: 0.95\n' >"$box/two.yaml"
printf 'default_params:\n  top_p: 1.5\n  min_p: -1\n' >"$box/bad.yaml"
expect 0 'created profiles/chat@1' profiles create chat -f "$box/one.yaml"
expect 1 'ALREADY_EXISTS' profiles create chat -f "$box/one.yaml"
expect 1 'default_params.top_p: 1.5 is outside (0, 1]' \
    profiles create wrong -f "$box/bad.yaml"
grep -q 'default_params.min_p' "$box/output" || fail 'one violation only'
expect 2 'No such file' profiles create wrong -f "$box/none.yaml"
expect 1 'PERMISSION_DENIED' profiles create wrong -f "$box/one.yaml" \
    --admin-target "$LOGITD_TARGET"
expect 0 $'chat  1 ' profiles list
expect 0 '"revision": "1"' profiles list -o json
expect 0 'top_p: 0.9' profiles get chat
expect 1 'NOT_FOUND' profiles get nobody
expect 1 'the nearest profile is chat' profiles get cht
echo "ok: create, list and get"

# What is tried only leaves everything as it was.
trial='valid, and nothing was written: profiles'
expect 0 "$trial/trial" profiles create trial -f "$box/one.yaml" --validate-only
expect 1 'NOT_FOUND' profiles get trial
expect 0 "$trial/chat" profiles update chat --set default_params.top_p=0.3 \
    --validate-only
expect 0 "$trial/chat" profiles rollback chat 1 --validate-only
expect 0 "$trial/chat" profiles delete chat --validate-only
expect 1 'NOT_FOUND' profiles delete trial --validate-only
printf 'default_params: {temperature: 0, top_p: 0.5}\n' >"$box/chat.yaml"
expect 0 "$trial/chat" profiles import "$box/chat.yaml" --validate-only
says 'warning '
expect 1 '1.5 is outside' profiles update chat -f "$box/bad.yaml" --validate-only
expect 0 'chat@1, etag' profiles get chat
expect 0 'top_p: 0.9' profiles get chat
echo "ok: trials"

# On a profile of its own: chat's revisions are counted below.
expect 0 'created profiles/one@1' profiles create one -f "$box/one.yaml"
"$bin/logitctl" profiles get one -o json >"$box/one.json"
expect 0 'unchanged profiles/one@1' profiles update one -f "$box/one.json"
sed 's/0\.9/0.7/' "$box/one.json" >"$box/changed.json"
expect 0 'updated profiles/one@2' profiles update one -f "$box/changed.json"
expect 1 'ABORTED' profiles update one -f "$box/one.json"
says 'somebody changed it since: read it again'
expect 1 'ABORTED' profiles import "$box/one.json"
says "$box/one.json: the server refused: ABORTED: etag: "
says 'nothing was written'
expect 0 'updated profiles/one@3' profiles update one \
    --set labels.team=search --set 'description=it is, for tests'
expect 0 'labels.team: absent -> "search"' profiles diff one
says 'description: absent -> "it is, for tests"'
expect 0 '  team: search' profiles get one
expect 0 'updated profiles/one@4' profiles update one --unset labels.team \
    --unset description --unset default_params.top_p \
    --set force_params.on_empty=error
expect 0 'default_params.top_p: 0.7 -> absent' profiles diff one
says 'labels.team: "search" -> absent'
expect 0 'unchanged profiles/one@4' profiles update one --unset labels.team \
    --unset default_params.top_p
printf '%s\n' 'force_params: {on_empty: ON_EMPTY_RELAX}' \
    'clamps: [{knob: top_p, max: 0.9, mode: CLAMP_MODE_CLAMP}]' >"$box/one.yml"
expect 0 '"changes"' profiles diff one -f "$box/one.yml" -o json
/usr/bin/python3 -c 'import json, sys
sides = {c["field"]: (c["before"], c["after"]) for c in json.load(sys.stdin)["changes"]}
assert sides == {
    "clamps[top_p].knob": (None, "top_p"), "clamps[top_p].max": (None, 0.9),
    "clamps[top_p].mode": (None, "CLAMP_MODE_CLAMP"),
    "force_params.on_empty": ("ON_EMPTY_ERROR", "ON_EMPTY_RELAX")}, sides' \
    < <(grep '^{' "$box/output") || fail 'not this JSON'
expect 0 'deleted profiles/one' profiles delete one
says 'to have it back: logitctl profiles rollback one 4'
expect 1 'NOT_FOUND' profiles get one
says 'it was deleted: logitctl profiles rollback one 4 brings it back'
expect 1 'it was deleted: ' resolve --vocab-size 9 --profile one
expect 2 '"chat@4" is no revision of one' profiles rollback one chat@4
expect 0 'revision 4 is in force again as profiles/one@5' \
    profiles rollback one one@4
expect 0 'ON_EMPTY_ERROR' profiles get one
echo "ok: files with etags, single fields, and the way back"

# A text from a pipe is content; a file with another name is refused.
"$bin/logitctl" profiles get one |
    "$bin/logitctl" profiles create copy -f - >"$box/output" || fail 'no copy'
says 'created profiles/copy@1'
"$bin/logitctl" profiles get one -o json |
    "$bin/logitctl" profiles update copy -f - >"$box/output" || fail 'no copy'
says 'unchanged profiles/copy@1'
expect 2 'remove `name` or give it the same id' \
    profiles create other -f "$box/one.json"
expect 0 'deleted' profiles delete copy
expect 0 'deleted' profiles delete one
echo "ok: copies"

first="$(etag chat)"
expect 0 'updated profiles/chat@2' profiles update chat -f "$box/two.yaml" \
    --etag "$first"
expect 1 'ABORTED' profiles update chat -f "$box/one.yaml" --etag "$first"
expect 0 'default_params.top_p: 0.9 -> 0.95' profiles diff chat
! grep -q 'at once' "$box/output" || fail 'one knob is not two'
expect 0 'no difference' profiles diff chat -f "$box/two.yaml"
expect 0 'chat@3' profiles update chat --set default_params.temperature=0.5 \
    --set default_params.top_p=0.8
expect 0 'warning: two knobs changed at once' profiles diff chat@2 chat@3
expect 0 'warning: two knobs changed at once' profiles diff chat
says 'default_params.temperature: absent -> 0.5'
says 'default_params.top_p: 0.95 -> 0.8'
expect 0 'default_params.top_p: 0.9 -> 0.8' profiles diff chat@1
expect 0 'revision 1 is in force again as profiles/chat@4, etag "4-' \
    profiles rollback chat 1
expect 0 'unchanged profiles/chat@4' profiles rollback chat 1
expect 0 'no difference' profiles diff chat@1 chat
expect 1 'ABORTED' profiles rollback chat 2 --etag "$first"
says 'somebody changed it since: read it again'
echo "ok: update, etags, diff and rollback"

printf '#!/bin/sh\nsed -i "s/0.9/$WITH/" "$1"\n' >"$box/editor"
chmod +x "$box/editor"
export EDITOR="$box/editor" TMPDIR="$box"
WITH=0.7 expect 0 'updated profiles/chat@5' profiles edit chat
WITH=0.7 expect 0 'nothing changed' profiles edit chat
expect 0 'chat@6' profiles update chat -f "$box/one.yaml"
WITH=7 expect 2 'the file is kept: ' profiles edit chat
grep -q 'error out-of-range default_params.top_p: 7 is outside' "$box/output" ||
    fail 'no finding'
kept="$(sed -n 's/.*the file is kept: //p' "$box/output")"
grep -q 'top_p: 7' "$kept" || fail "lost what was typed: $kept"
printf '#!/bin/sh\nprintf "default_params: [" >"$1"\n' >"$box/breaker"
EDITOR="sh $box/breaker" expect 2 'the file is kept: ' profiles edit chat
kept="$(sed -n 's/.*the file is kept: //p' "$box/output")"
[[ "$(cat "$kept")" == 'default_params: [' ]] || fail "lost the text: $kept"
# Somebody else is faster: the server refuses, the text stays.
printf '#!/bin/sh\nsed -i "s/0.9/0.4/" "$1"\n%s profiles update chat --set %s\n' \
    "'$bin/logitctl'" default_params.top_p=0.85 >"$box/slow"
EDITOR="sh $box/slow" expect 1 'ABORTED' profiles edit chat
kept="$(sed -n 's/.*the file is kept: //p' "$box/output")"
grep -q 'top_p: 0.4' "$kept" || fail "lost what was typed: $kept"
expect 0 'top_p: 0.85' profiles get chat
expect 0 'chat@8' profiles update chat -f "$box/one.yaml"
EDITOR=false expect 2 'the editor "false" failed' profiles edit chat
says 'the file is kept: '
# The server's limits count, not logitctl's own: 65 sequences are for it.
printf '#!/bin/sh\ntail -n +2 "%s" >"$1"\n' \
    "$source_dir/tests/profiles/bad/stop-sequences-too-many.yaml" >"$box/many"
expect 0 'created profiles/many@1' profiles create many -f "$box/one.yaml"
EDITOR="sh $box/many" expect 0 'updated profiles/many@2' profiles edit many
expect 0 'deleted profiles/many' profiles delete many
# What may not be written at all is told before the editor runs.
opens() {
  rm -f "$box/opened"
  EDITOR="touch $box/opened;:" expect "$@"
  [[ -e $box/opened ]]
}
! opens 2 'names a revision' profiles edit chat@1 || fail 'opened a revision'
mkdir "$box/files" "$box/data"
cp "$box/one.yaml" "$box/files/fixed.yaml"
serve "unix:$box/files.sock" --profile_dir "$box/files"
! opens 1 'belongs to a read-only store' profiles edit fixed \
    --target "unix:$box/files.sock" || fail 'opened a file of the server'
! opens 1 'PERMISSION_DENIED' profiles edit chat \
    --admin-target "$LOGITD_TARGET" || fail 'opened for one who may not write'
opens 0 'nothing changed' profiles edit chat || fail 'opened no editor'
# A smaller limit than when it was stored: the edit is what mends it.
serve "unix:$box/store.sock" --data_dir "$box/data" --max_stop_sequences 70
stored=(--target "unix:$box/store.sock")
tail -n +2 "$source_dir/tests/profiles/bad/stop-sequences-too-many.yaml" \
    >"$box/many.yaml"
expect 0 'created profiles/many@1' profiles create many -f "$box/many.yaml" \
    "${stored[@]}"
kill "${pids[-1]}"
wait "${pids[-1]}" || fail 'the server did not stop'
serve "unix:$box/store.sock" --data_dir "$box/data"
printf '#!/bin/sh\ncp "%s" "$1"\n' "$box/one.yaml" >"$box/fewer"
EDITOR="sh $box/fewer" expect 0 'updated profiles/many@2' profiles edit many \
    "${stored[@]}"
echo "ok: edit"

expect 0 'REVISION' profiles revisions chat
[[ "$(awk 'NR > 1 { print $2 }' "$box/output" | xargs)" == '8 7 6 5 4 3 2 1' ]] ||
    fail 'not newest first'
cp "$box/output" "$box/revisions"
expect 0 'REVISION' profiles revisions chat --page-size 3
cmp "$box/output" "$box/revisions" || fail 'pages are not the whole'
expect 0 'REVISION' profiles revisions chat --page-size 2 --count 5
[[ "$(awk 'NR > 1 { print $2 }' "$box/output" | xargs)" == '8 7 6 5 4' ]] ||
    fail 'not the newest five'
expect 0 '# profiles/chat@3, etag' profiles revisions chat -o yaml
expect 0 '"revision": "8"' profiles revisions chat -o json
/usr/bin/python3 -c 'import json, sys
assert [p["revision"] for p in json.load(sys.stdin)] == list("87654321")' \
    <"$box/output" || fail 'no array of revisions'
expect 1 'NOT_FOUND' profiles revisions nobody
expect 2 'there are list, get,' profiles revision chat
echo "ok: revisions"

# watch FILE ARGS...: begins to watch; waits for the list to be told.
watch() {
  local file=$1
  shift
  : >"$file"
  "$bin/logitctl" profiles watch "$@" >"$file" &
  watcher=$!
  pids+=("$watcher")
  for _ in {1..600}; do
    ! grep -q SYNCED "$file" || return 0
    sleep 0.1
  done
  fail "watch: $(cat "$file")"
}

watch "$box/watched" --count 4
as_text=$watcher
watch "$box/watched.json" --count 4 -o json
expect 0 'created' profiles create gone -f "$box/one.yaml"
expect 0 'deleted profiles/gone' profiles delete gone
wait "$as_text" || fail "watch: $(cat "$box/watched")"
wait "$watcher" || fail "watch: $(cat "$box/watched.json")"
expect 1 'NOT_FOUND' profiles get gone
expect 0 'gone  1 ' profiles revisions gone
printf '%s\n' 'PRESENT profiles/chat@8' 'SYNCED' 'REVISION profiles/gone@1' \
    'DELETED profiles/gone@1' | cmp - "$box/watched" || fail 'other events'
[[ "$(field event <"$box/watched.json" | xargs)" == \
    'PRESENT SYNCED REVISION DELETED' ]] || fail 'other events as JSON'
[[ "$(field profile <"$box/watched.json" | xargs)" == \
    'profiles/chat None profiles/gone profiles/gone' ]] || fail 'other profiles'
[[ "$(field revision <"$box/watched.json" | xargs)" == '8 None 1 1' ]] ||
    fail 'other revisions'
# Behind the REVISION comes the DELETED, and nothing else.
token="$(field resume_token <"$box/watched.json" | sed -n 3p)"
expect 0 '"event": "DELETED"' profiles watch -o json --resume "$token" --count 1
cmp "$box/output" <(sed -n 4p "$box/watched.json") || fail 'not the next event'
expect 1 'resume_token' profiles watch --resume nonsense
status=0
timeout 60 "$bin/logitctl" profiles watch >/dev/full 2>"$box/output" || status=$?
[[ $status -eq 4 ]] || fail "exit code $status of a watch that nobody reads"
echo "ok: watch, resume and delete"

expect 0 'created profiles/greedy@1' profiles import \
    "$source_dir/deploy/profiles"
expect 0 "$box/out/code.yaml" profiles export "$box/out"
expect 0 'unchanged profiles/code' profiles import "$box/out"
! grep -qE '^(created|updated)' "$box/output" || fail 'export changed something'
presets=("$source_dir"/deploy/profiles/*.yaml)
[[ ${#presets[@]} -eq 7 ]] || fail 'not the presets'
for preset in "${presets[@]}"; do
  id="$(basename "$preset" .yaml)"
  expect 0 'no difference' profiles diff "$id" -f "$preset"
  expect 0 'no difference' profiles diff "$id" -f "$box/out/$id.yaml"
  expect 0 'deleted' profiles delete "$id"
done
expect 0 'created profiles/greedy@2' profiles import "$box/out"
expect 0 'greedy.yaml' profiles export "$box/again"
diff -r "$box/out" "$box/again" || fail 'the round trip changed a file'
expect 0 'deleted' profiles delete code
sed -i 's/0.9/0.6/' "$box/out/chat.yaml"
cp "$box/bad.yaml" "$box/out/zz.yaml"
expect 1 'zz.yaml' profiles import "$box/out"
expect 1 'NOT_FOUND' profiles get code
rm "$box/out/zz.yaml"
expect 0 'updated profiles/chat@9' profiles import "$box/out"
expect 0 'temperature: 0.2' profiles get code
# With etags, what somebody else changed meanwhile is not taken back.
expect 0 "$box/etags/chat.json: profiles/chat@9" \
    profiles export "$box/etags" -o json
"$bin/logitctl" profiles get chat -o json >"$box/got.json"
/usr/bin/python3 -c 'import json, sys
got, exported = (json.load(open(path)) for path in sys.argv[1:])
got.pop("warnings", None)  # The linter speaks up at each read of one profile.
assert got == exported, (got, exported)' \
    "$box/got.json" "$box/etags/chat.json" || fail 'not as get prints it'
expect 0 'unchanged profiles/chat' profiles import "$box/etags"
expect 0 'updated profiles/chat@10' profiles update chat \
    --set description=theirs
expect 1 "$box/etags/chat.json: the server refused: ABORTED: etag: " \
    profiles import "$box/etags"
expect 0 'description: theirs' profiles get chat
echo "ok: export and import"

expect 0 'greedy.yaml' lint "$source_dir"/deploy/profiles/*.yaml
bad="$source_dir/tests/profiles/bad"
expect 2 'error out-of-range default_params.top_p: 1.5 is outside (0, 1]' \
    lint "$bad/top-p-above-max.yaml"
says '  fix: '
# Of every bad file the first finding is the error that the file tells; one with
# "# File:" is bad by another name only.
mapfile -t files < <(grep -L '^# File: ' "$bad"/*.yaml)
expect 2 'a server would refuse this' lint "${files[@]}"
awk '/^\// { getline; sub(/^error [a-z-]+ /, ""); print }' "$box/output" |
    cmp - <(sed -sn '1s/^# Expected: //p' "${files[@]}") ||
    fail 'lint has other words'
echo "ok: lint"

resolve=(resolve --vocab-size 1000 --profile code)
expect 0 'profiles/code@' "${resolve[@]}" --temperature 1.8
grep -q 'clamped temperature: asked 1.8, used 1, by profile clamps\[0\]' \
    "$box/output" || fail 'no clamp'
printf 'clamps: [{knob: top_p, max: 0.7, mode: CLAMP_MODE_CLAMP}]\n' \
    >"$box/tight.yaml"
expect 0 'profiles/tight@1' profiles create tight -f "$box/tight.yaml"
expect 0 'profiles/tight@1' resolve --vocab-size 9 --profile tight --top-p 0.9
grep -qE 'top_p +0.7 +clamp, profile clamps\[0\]' "$box/output" ||
    fail 'no source'
expect 0 'profile default' "${resolve[@]}" --top-k 40
grep -qE 'top_k +40 +request' "$box/output" || fail 'no request'
expect 0 '"PARAM_LEVEL_PROFILE_DEFAULT"' "${resolve[@]}" -o json
# A pin at the off value is told: the request's own is gone without it.
expect 0 'strict-extraction@' resolve --vocab-size 32 \
    --profile strict-extraction --repetition-penalty 1.5
in_phase base 'repetition_penalty +1 \(off\) +profile force' \
    'forced repetition_penalty: asked 1.5, used 1, by profile force'
cat >"$box/phased.yaml" <<'END'
default_params: {temperature: 0.9}
force_params: {min_p: 0.02}
clamps: [{knob: top_k, max: 50, mode: CLAMP_MODE_CLAMP}]
phases:
  - name: think
    enter: [{tokens: [5]}]
    leave: [{tokens: [6]}]
    default_params: {temperature: 0.6}
  - name: tool
    enter: [{tokens: [7]}]
    leave: [{tokens: [8]}]
    force_params: {temperature: 0}
    clamps: [{knob: top_k, max: 9, mode: CLAMP_MODE_CLAMP}]
END
expect 0 'profiles/phased@1' profiles create phased -f "$box/phased.yaml"
resolve=(resolve --vocab-size 1000 --profile phased --top-p 0.8)
expect 0 'profiles/phased@1' "${resolve[@]}" --top-k 400
for title in base 'phase think' 'phase tool'; do
  in_phase "$title" 'top_p +0.8 +request' 'min_p +0.02 +profile force'
done
in_phase base 'temperature +0.9 +profile default' \
    'top_k +50 +clamp, profile clamps\[0\]' \
    'clamped top_k: asked 400, used 50, by profile clamps\[0\]'
in_phase 'phase think' 'temperature +0.6 +phase default' \
    'top_k +50 +clamp, profile clamps\[0\]'
in_phase 'phase tool' 'temperature +0 +phase force' \
    'top_k +9 +clamp, phase tool clamps\[0\]' \
    'clamped top_k: asked 400, used 9, by phase tool clamps\[0\]'
# What the request sets wins over a phase's default, and not over its force.
expect 0 'phase think' "${resolve[@]}" --temperature 1.2
in_phase base 'temperature +1.2 +request'
in_phase 'phase think' 'temperature +1.2 +request'
in_phase 'phase tool' 'temperature +0 +phase force' \
    'forced temperature: asked 1.2, used 0, by phase force'
[[ $(grep -c '^  forced' "$box/output") -eq 1 ]] || fail 'forced by no force'
expect 1 'NOT_FOUND' resolve --vocab-size 9 --profile nobody
expect 2 'names a revision' profiles create other@7 -f "$box/one.yaml"
expect 0 SYNCED profiles watch --timeout 1
expect 1 'ABORTED' profiles delete phased --etag 1-0
expect 0 'deleted profiles/phased' profiles delete phased \
    --etag "$(etag phased | tr -d '"')"
sed '/^name:/d' "$source_dir/deploy/profiles/code.yaml" |
    "$bin/logitctl" lint - >"$box/output" || fail "lint of stdin"
expect 3 'logitd --listen' profiles list --target "unix:$box/none"
expect 3 '--admin-target' profiles delete chat --target "unix:$box/none"
echo "ok: resolve"
