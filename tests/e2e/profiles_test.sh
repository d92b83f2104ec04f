#!/usr/bin/env bash
# logitctl profiles, lint and resolve against the real server.
set -euo pipefail

readonly name=profiles
source "$(dirname "$0")/box.sh"
unset LOGITD_ADMIN_TARGET

etag() {
  "$bin/logitctl" profiles get "$1" | sed -n '1s/.*etag \([^,]*\),.*/\1/p'
}

"$bin/logitd" --listen "$LOGITD_TARGET" --admin_http off \
    >"$box/logitd.log" 2>&1 &
pids+=($!)
for _ in {1..150}; do
  ! "$bin/logitctl" health >/dev/null 2>&1 || break
  sleep 0.1
done
expect 0 SERVING health

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
echo "ok: create, list and get"

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
expect 0 'default_params.top_p: 0.9 -> 0.8' profiles diff chat@1
expect 0 'rolled back to profiles/chat@4' profiles rollback chat 1
expect 0 'no difference' profiles diff chat@1 chat
expect 1 'ABORTED' profiles rollback chat 2 --etag "$first"
echo "ok: update, etags, diff and rollback"

printf '#!/bin/sh\nsed -i "s/0.9/$WITH/" "$1"\n' >"$box/editor"
chmod +x "$box/editor"
export EDITOR="$box/editor" TMPDIR="$box"
WITH=0.7 expect 0 'updated profiles/chat@5' profiles edit chat
WITH=0.7 expect 0 'nothing changed' profiles edit chat
expect 0 'chat@6' profiles update chat -f "$box/one.yaml"
WITH=7 expect 2 'the file is kept: ' profiles edit chat
grep -q 'error invalid default_params.top_p: 7 is outside' "$box/output" ||
    fail 'no finding'
kept="$(sed -n 's/.*the file is kept: //p' "$box/output")"
grep -q 'top_p: 7' "$kept" || fail "lost what was typed: $kept"
EDITOR=false expect 2 'the editor "false" failed' profiles edit chat
echo "ok: edit"

"$bin/logitctl" profiles watch --count 4 >"$box/watched" &
watcher=$!
pids+=("$watcher")
for _ in {1..100}; do
  ! grep -q SYNCED "$box/watched" || break
  sleep 0.1
done
expect 0 'created' profiles create gone -f "$box/one.yaml"
expect 0 'deleted profiles/gone' profiles delete gone
wait "$watcher" || fail "watch: $(cat "$box/watched")"
expect 1 'NOT_FOUND' profiles get gone
cp "$box/watched" "$box/output"
for event in 'PRESENT profiles/chat@6' 'REVISION profiles/gone@1' \
    'DELETED profiles/gone@1'; do
  grep -qF "$event" "$box/watched" || fail "no event $event"
done
echo "ok: watch and delete"

expect 0 'created profiles/greedy@1' profiles import \
    "$source_dir/deploy/profiles"
expect 0 "$box/out/code.yaml" profiles export "$box/out"
expect 0 'unchanged profiles/code' profiles import "$box/out"
! grep -qE '^(created|updated)' "$box/output" || fail 'export changed something'
expect 0 'deleted' profiles delete code
sed -i 's/0.9/0.6/' "$box/out/chat.yaml"
cp "$box/bad.yaml" "$box/out/zz.yaml"
expect 1 'zz.yaml' profiles import "$box/out"
expect 1 'NOT_FOUND' profiles get code
rm "$box/out/zz.yaml"
expect 0 'updated profiles/chat@7' profiles import "$box/out"
expect 0 'temperature: 0.2' profiles get code
echo "ok: export and import"

expect 0 'greedy.yaml' lint "$source_dir"/deploy/profiles/*.yaml
bad="$source_dir/tests/profiles/bad"
expect 2 'error invalid default_params.top_p: 1.5 is outside (0, 1]' \
    lint "$bad/top-p-above-max.yaml"
grep -q '^  fix: ' "$box/output" || fail 'no fix'
expect 2 'error invalid' lint "$bad/duplicate-key.yaml"
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
expect 1 'NOT_FOUND' resolve --vocab-size 9 --profile nobody
expect 3 'logitd --listen' profiles list --target "unix:$box/none"
expect 3 '--admin-target' profiles delete chat --target "unix:$box/none"
echo "ok: resolve"
