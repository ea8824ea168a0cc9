"""Asks in binary with Python's own library: python3 ask-http.py [http://127.0.0.1:8000]"""
import array
import json
import sys
import urllib.error
import urllib.request

server = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000"
picture = array.array("f", [0.5] * (3 * 64 * 64)).tobytes()
size = {"binary_data_size": len(picture)}
header = json.dumps({
    "inputs": [{"name": "input", "shape": [1, 3, 64, 64], "datatype": "FP32", "parameters": size}],
    "parameters": {"binary_data_output": True},
}).encode()
request = urllib.request.Request(f"{server}/v2/models/squeezenet/infer", header + picture, {
    "Content-Type": "application/octet-stream",
    "Inference-Header-Content-Length": str(len(header)),
})
try:
    with urllib.request.urlopen(request) as response:
        length = int(response.headers["Inference-Header-Content-Length"])
        body = response.read()
except urllib.error.HTTPError as refusal:
    sys.exit(f"{refusal.code} {json.load(refusal)['error']}")
except urllib.error.URLError as failure:
    sys.exit(f"nobody answers at {server}: {failure.reason}")
output = json.loads(body[:length])["outputs"][0]
values = array.array("f", body[length:])
print(output["name"], output["shape"], "best class", values.index(max(values)))
