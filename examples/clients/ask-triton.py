"""Asks with Triton's client (pip install "tritonclient[http]"): python3 ask-triton.py [127.0.0.1:8000]

Over gRPC: tritonclient[grpc], tritonclient.grpc and port 8001; nothing else changes.
"""
import sys

import numpy
import tritonclient.http as triton

client = triton.InferenceServerClient(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:8000")
picture = triton.InferInput("input", [1, 3, 64, 64], "FP32")
picture.set_data_from_numpy(numpy.full((1, 3, 64, 64), 0.5, numpy.float32))
values = client.infer("squeezenet", [picture]).as_numpy("flatten_output")
print("flatten_output", list(values.shape), "best class", values.argmax())
