#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A package beside its model and its peers: time from process start to the first answer, resident memory of one process,
proportional memory of four that run at once, and the plugin's own account of eight loads in one process.

usage: bench/package.py BUILD_DIR MODEL.onnx [--rounds 7] [--threads 2] [--batch 1] [--seq 16]
Writes BUILD_DIR/bench.rlx. Peers are measured where onnxruntime and openvino are installed: session creation and the first
run inside a running Python, imports not counted.
"""
import argparse
import pathlib
import statistics
import subprocess
import sys
import time

PEER = """
import sys, time, numpy as np
name, model, threads, batch, seq = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])
feed = {n: np.ones((batch, seq), np.int64) for n in ("input_ids", "attention_mask", "token_type_ids")}
if name == "onnxruntime":
    import onnxruntime as ort
    begin = time.perf_counter()
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    ort.InferenceSession(model, options, providers=["CPUExecutionProvider"]).run(None, feed)
else:
    import openvino as ov
    begin = time.perf_counter()
    hints = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    ov.Core().compile_model(model, "CPU", hints).create_infer_request().infer(feed)
print((time.perf_counter() - begin) * 1e3)
"""


class Server:
    """One process that has opened a model and answered once."""

    def __init__(self, args, model):
        begin = time.perf_counter()
        self.process = subprocess.Popen([f"{args.build}/bin/model_server", model, str(args.threads)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()
        self.load_ms = (time.perf_counter() - begin) * 1e3
        self.process.stdin.write(f"batch={args.batch} seq={args.seq} 0\n")
        self.process.stdin.flush()
        self.process.stdout.readline()
        self.start_ms = (time.perf_counter() - begin) * 1e3

    def memory_mib(self):
        rows = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{self.process.pid}/smaps_rollup").read_text().splitlines()[1:])
        return {name: int(rows[name].split()[0]) / 1024 for name in ("Rss", "Pss", "Private_Dirty")}

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


def start_ms(args, model):
    server = Server(args, model)
    server.stop()
    return server.start_ms


def peer_ms(args, name):
    done = subprocess.run([sys.executable, "-c", PEER, name, args.model, str(args.threads), str(args.batch), str(args.seq)],
                          capture_output=True, text=True)
    return float(done.stdout) if done.returncode == 0 else None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("model")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--seq", type=int, default=16)
    args = parser.parse_args()
    package = f"{args.build}/bench.rlx"
    subprocess.run([f"{args.build}/bin/rlx", "compile", args.model, "-o", package, "--shapes", f"batch={args.batch},seq={args.seq}"], check=True)
    names = ["package", "onnx", "onnxruntime", "openvino"]
    rows = {name: [] for name in names}
    for _ in range(args.rounds):
        for name in names:
            taken = start_ms(args, {"package": package, "onnx": args.model}[name]) if name in ("package", "onnx") else peer_ms(args, name)
            if taken is not None:
                rows[name].append(taken)
    for name in names:
        if rows[name]:
            print(f"{name:12} start to first answer {statistics.median(rows[name]):8.1f} ms   (least {min(rows[name]):.1f}, most {max(rows[name]):.1f})")
    for name, model in (("package", package), ("onnx", args.model)):
        one = Server(args, model)
        alone = one.memory_mib()
        four = [one] + [Server(args, model) for _ in range(3)]
        pss = sum(server.memory_mib()["Pss"] for server in four)
        print(f"{name:12} RSS of one {alone['Rss']:.1f} MiB (private dirty {alone['Private_Dirty']:.1f}), PSS of four {pss:.1f} MiB = {pss / alone['Rss']:.2f} x")
        for server in four:
            server.stop()


main()
