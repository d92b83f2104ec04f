#!/usr/bin/env bash
# logitd on TCP with mutual TLS, and logitctl as its client: who gets in, who may
# change profiles, and what a start refuses.
set -euo pipefail

readonly name=tls
source "$(dirname "$0")/box.sh"
unset LOGITD_TARGET

# authority NAME: a certificate that signs itself.
authority() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
      -keyout "$box/$1.key" -out "$box/$1.pem" -days 2 -subj "/CN=$1" \
      2>>"$box/openssl.log"
}

# identity AUTHORITY NAME: a certificate for 127.0.0.1, signed.
identity() {
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
      -keyout "$box/$2.key" -out "$box/$2.csr" -subj "/CN=$2" \
      2>>"$box/openssl.log"
  echo 'subjectAltName=IP:127.0.0.1' >"$box/names"
  openssl x509 -req -in "$box/$2.csr" -CA "$box/$1.pem" -CAkey "$box/$1.key" \
      -CAcreateserial -out "$box/$2.pem" -days 2 -extfile "$box/names" \
      2>>"$box/openssl.log"
}

authority ours
authority others
identity ours server
identity ours client
identity others stranger
echo 'default_params: {top_k: 7}' >"$box/story.yaml"
echo '# who: token' >"$box/tokens"
echo 'ops:0123456789abcdef' >>"$box/tokens"
chmod 600 "$box/tokens"
echo 0123456789abcdef >"$box/token"
files=(--tls_cert "$box/server.pem" --tls_key "$box/server.key"
    --tls_client_ca "$box/ours.pem")

# refused PART ARGS...: logitd ARGS does not start, its last line says PART.
refused() {
  local part=$1 status=0
  shift
  "$bin/logitd" "$@" >"$box/output" 2>&1 </dev/null || status=$?
  [[ $status -eq 2 ]] || fail "exit code $status, not 2: $*"
  tail -n 1 "$box/output" | grep -qF -- "$part" ||
      fail "does not say \"$part\": $*"
}

refused 'is TCP without mutual TLS' --listen 127.0.0.1:0
refused "is not the key of" --check_config --listen 127.0.0.1:0 \
    --tls_cert "$box/server.pem" --tls_key "$box/client.key" \
    --tls_client_ca "$box/ours.pem"
mkdir "$box/profiles"
echo 'default_params: {top_p: 7}' >"$box/profiles/bad.yaml"
refused 'bad.yaml' --check_config --profile_dir "$box/profiles"
rm "$box/profiles/bad.yaml"
"$bin/logitd" --check_config --listen 127.0.0.1:0 "${files[@]}" \
    --admin_token_file "$box/tokens" --profile_dir "$box/profiles" \
    >"$box/output" || fail "a good configuration is refused"
echo "ok: a check finds what a start would refuse"

: >"$box/logitd.log"
"$bin/logitd" --listen 127.0.0.1:0 --admin_http off "${files[@]}" \
    --admin_token_file "$box/tokens" >"$box/logitd.log" 2>&1 &
pids+=($!)
port=
for _ in {1..600}; do
  port="$(sed -n 's/.*"listen":"127.0.0.1:\([0-9]*\)".*/\1/p' "$box/logitd.log")"
  [[ -n $port ]] && break
  sleep 0.1
done
[[ -n $port ]] || fail "no server: $(cat "$box/logitd.log")"
at=(--target "127.0.0.1:$port" --tls-ca "$box/ours.pem")
mine=(--tls-cert "$box/client.pem" --tls-key "$box/client.key")

expect 0 SERVING health "${at[@]}" "${mine[@]}"
expect 3 'cannot connect' health "${at[@]}"
expect 3 'cannot connect' health "${at[@]}" --tls-cert "$box/stranger.pem" \
    --tls-key "$box/stranger.key"
expect 3 'cannot connect' health --target "127.0.0.1:$port"
expect 3 'cannot connect' health --target "127.0.0.1:$port" "${mine[@]}" \
    --tls-ca "$box/others.pem"
expect 2 'cannot read' health "${at[@]}" --tls-cert "$box/none" --tls-key x
expect 2 'are given together' health "${at[@]}" --tls-cert "$box/client.pem"
expect 2 'without them' health --target "127.0.0.1:$port" "${mine[@]}"
expect 2 'is neither unix:/path nor host:port' health --target "$box/x.sock"
grep -q '^{.*"msg":"grpc"' "$box/logitd.log" || fail "no word of a bad handshake"
if grep -qv '^{' "$box/logitd.log"; then
  fail "lines in the log that are no JSON"
fi
echo "ok: in with a certificate of the right authority only"

expect 1 'authorization: required' profiles create story \
    -f "$box/story.yaml" "${at[@]}" "${mine[@]}"
expect 2 'no token in' profiles create story -f "$box/story.yaml" "${at[@]}" \
    "${mine[@]}" --token-file /dev/null
expect 0 'created profiles/story@1' profiles create story \
    -f "$box/story.yaml" "${at[@]}" "${mine[@]}" --token-file "$box/token"
grep -q '"who":"token:ops"' "$box/logitd.log" || fail "no line in the audit log"
if grep -q 0123456789abcdef "$box/logitd.log"; then
  fail "the token is in the log"
fi
echo "ok: profiles are changed with a certificate and a token"
