#!/bin/sh
# Asks as JSON, then in binary: sh ask-curl.sh [http://127.0.0.1:8000]
set -eu
model=${1:-http://127.0.0.1:8000}/v2/models/squeezenet
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

# A grey picture of 64 x 64.
grey=$(yes 0.5 | head -n 12288 | paste -sd, -)
printf '{"inputs":[{"name":"input","shape":[1,3,64,64],"datatype":"FP32","data":[%s]}]}' "$grey" |
  curl -sSf -H 'Content-Type: application/json' --data-binary @- "$model/infer" -o "$work/answer.json"
head -c 200 "$work/answer.json"
echo ' ...'

# The same as bytes: a float32 of 0.5 is 00 00 00 3f, and 3f is a question mark.
for _ in $(seq 12288); do printf '\0\0\0?'; done >"$work/picture.f32"
header='{"inputs":[{"name":"input","shape":[1,3,64,64],"datatype":"FP32","parameters":{"binary_data_size":49152}}],"parameters":{"binary_data_output":true}}'
{ printf %s "$header"; cat "$work/picture.f32"; } |
  curl -sSf -D "$work/headers" -H 'Content-Type: application/octet-stream' \
    -H "Inference-Header-Content-Length: ${#header}" --data-binary @- "$model/infer" -o "$work/answer"
length=$(tr -d '\r' <"$work/headers" | sed -n 's/^inference-header-content-length: //Ip')
head -c "$length" "$work/answer"
echo
tail -c "+$((length + 1))" "$work/answer" | wc -c
