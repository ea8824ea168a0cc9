#!/bin/sh
# Asks as JSON, then in binary: sh ask-curl.sh [http://127.0.0.1:8000]
set -eu
model=${1:-http://127.0.0.1:8000}/v2/models/squeezenet
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

# Sends its input. A refusal has its reason in the body, too.
ask() {
  curl -sS --fail-with-body --data-binary @- -o "$work/answer" "$@" "$model/infer" && return
  [ ! -f "$work/answer" ] || { cat "$work/answer"; echo; } >&2
  exit 1
}

# A grey picture of 64 x 64.
grey=$(yes 0.5 | head -n 12288 | paste -sd, -)
printf '{"inputs":[{"name":"input","shape":[1,3,64,64],"datatype":"FP32","data":[%s]}]}' "$grey" |
  ask -H 'Content-Type: application/json'
head -c 200 "$work/answer"
echo ' ...'

# The same as bytes: a float32 of 0.5 is 00 00 00 3f, and 3f is a question mark.
for _ in $(seq 12288); do printf '\0\0\0?'; done >"$work/picture.f32"
header='{"inputs":[{"name":"input","shape":[1,3,64,64],"datatype":"FP32","parameters":{"binary_data_size":49152}}],"parameters":{"binary_data_output":true}}'
{ printf %s "$header"; cat "$work/picture.f32"; } |
  ask -D "$work/headers" -H 'Content-Type: application/octet-stream' \
    -H "Inference-Header-Content-Length: ${#header}"
length=$(tr -d '\r' <"$work/headers" | sed -n 's/^inference-header-content-length: //Ip')
head -c "$length" "$work/answer"
echo
tail -c "+$((length + 1))" "$work/answer" | wc -c
