#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""MiniLM in f32 beside ONNX Runtime and OpenVINO: interleaved rounds, medians, medians of ratios, and the time of a
shape that was never seen. Needs onnxruntime, openvino and numpy from PyPI, and a build with RLX_BUILD_BENCH.

usage: bench/minilm.py BUILD_DIR MODEL.onnx [--rounds 7] [--threads 2]
"""
import argparse
import statistics
import subprocess
import time

import numpy as np

SHAPES = [(1, 16), (1, 128), (8, 128)]
NEW_SHAPES = [(1, 17), (2, 31), (3, 77), (1, 93), (5, 41), (4, 59), (2, 101), (7, 13)]


class Rlx:
    name = "rlx"

    def __init__(self, build, model, threads):
        begin = time.perf_counter()
        self.process = subprocess.Popen([f"{build}/bin/model_server", model, str(threads)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()
        self.load_ms = (time.perf_counter() - begin) * 1e3

    def ask(self, batch, seq, repeat):
        self.process.stdin.write(f"batch={batch} seq={seq} {repeat}\n")
        self.process.stdin.flush()
        return [float(word) for word in self.process.stdout.readline().split()]

    def median_ms(self, batch, seq, repeat):
        return self.ask(batch, seq, repeat)[2]

    def new_shape_ms(self, batch, seq):
        compile_ms, first_ms, median_ms = self.ask(batch, seq, 5)
        return compile_ms + first_ms - median_ms


def inputs(batch, seq):
    return {name: np.ones((batch, seq), np.int64) for name in ("input_ids", "attention_mask", "token_type_ids")}


class Peer:
    def timed(self, feed):
        begin = time.perf_counter()
        self.run(feed)
        return (time.perf_counter() - begin) * 1e3

    def median_ms(self, batch, seq, repeat):
        feed = inputs(batch, seq)
        self.run(feed)
        return statistics.median(self.timed(feed) for _ in range(repeat))

    def new_shape_ms(self, batch, seq):
        feed = inputs(batch, seq)
        first = self.timed(feed)
        return first - statistics.median(self.timed(feed) for _ in range(5))


class OnnxRuntime(Peer):
    name = "onnxruntime"

    def __init__(self, model, threads):
        import onnxruntime as ort

        begin = time.perf_counter()
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.load_ms = (time.perf_counter() - begin) * 1e3
        self.version = ort.__version__

    def run(self, feed):
        return self.session.run(None, feed)


class OpenVino(Peer):
    name = "openvino"

    def __init__(self, model, threads):
        import openvino as ov

        begin = time.perf_counter()
        core = ov.Core()
        compiled = core.compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32",
                                                    "PERFORMANCE_HINT": "LATENCY"})
        self.request = compiled.create_infer_request()
        self.load_ms = (time.perf_counter() - begin) * 1e3
        self.version = ov.__version__

    def run(self, feed):
        return self.request.infer(feed)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build")
    parser.add_argument("model")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    systems = [Rlx(arguments.build, arguments.model, arguments.threads), OnnxRuntime(arguments.model, arguments.threads),
               OpenVino(arguments.model, arguments.threads)]
    print("| | " + " | ".join(f"{s.name} {getattr(s, 'version', '')}".strip() for s in systems) + " | rlx / best peer |")
    print("|---|" + "---|" * (len(systems) + 1))
    print("| load, ms | " + " | ".join(f"{s.load_ms:.0f}" for s in systems) + " | |")
    for batch, seq in SHAPES:
        repeat = 60 if batch * seq < 64 else 20 if batch * seq < 512 else 5
        rounds = [[s.median_ms(batch, seq, repeat) for s in systems] for _ in range(arguments.rounds)]
        medians = [statistics.median(column) for column in zip(*rounds)]
        ratio = statistics.median(min(r[1:]) / r[0] for r in rounds)
        print(f"| {batch}x{seq}, ms | " + " | ".join(f"{m:.2f}" for m in medians) + f" | {ratio:.2f}x as fast |")
    fresh = [[s.new_shape_ms(batch, seq) for s in systems] for batch, seq in NEW_SHAPES]
    print("| new shape, first run minus a steady one, ms | " + " | ".join(f"{statistics.median(c):.2f}" for c in zip(*fresh)) + " | |")


main()
