# SPDX-License-Identifier: Apache-2.0
"""One peer of `rlx bench --against`: loads an ONNX model, then runs it on inputs that come as .npz files. The tool carries
this text and starts it with `python -c`. Speaks JSON, a line each way:
  (start)                                -> {"version": ..., "load_ms": ...} or {"error": ...}
  {"inputs": FILE.npz, "seconds": S}     -> {"run_ms": [...]} or {"error": ...}

usage: peer.py onnxruntime|openvino MODEL.onnx THREADS
"""
import json
import os
import sys
import time


def onnxruntime_runner(model, threads):
    import onnxruntime as ort

    ort.set_default_logger_severity(3)
    begin = time.perf_counter()
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    load_ms = (time.perf_counter() - begin) * 1e3
    return ort.__version__, load_ms, lambda feed: session.run(None, feed)


def openvino_runner(model, threads):
    import openvino as ov

    begin = time.perf_counter()
    compiled = ov.Core().compile_model(
        model, "CPU", {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"})
    request = compiled.create_infer_request()
    load_ms = (time.perf_counter() - begin) * 1e3
    return ov.__version__.split("-")[0], load_ms, request.infer


def timed(run, feed):
    begin = time.perf_counter()
    run(feed)
    return (time.perf_counter() - begin) * 1e3


def answer(run, request):
    import numpy as np

    with np.load(request["inputs"]) as archive:
        feed = {name: archive[name] for name in archive.files}
    timed(run, feed)
    times = []
    end = time.perf_counter() + request["seconds"]
    while not times or time.perf_counter() < end:
        times.append(timed(run, feed))
    return {"run_ms": times}


def main():
    replies = os.fdopen(os.dup(1), "w", buffering=1)  # what a peer prints on stdout must not get between the lines
    os.dup2(2, 1)

    def say(reply):
        replies.write(json.dumps(reply) + "\n")

    name, model, threads = sys.argv[1:4]
    try:
        import numpy  # noqa: F401: part of what must be there

        version, load_ms, run = {"onnxruntime": onnxruntime_runner, "openvino": openvino_runner}[name](model, int(threads))
    except Exception as error:  # whatever a peer raises is its answer
        return say({"error": f"{type(error).__name__}: {error}"})
    say({"version": version, "load_ms": load_ms})
    for line in sys.stdin:
        try:
            say(answer(run, json.loads(line)))
        except Exception as error:
            say({"error": f"{type(error).__name__}: {error}"})


main()
