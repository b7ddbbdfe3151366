#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes into docs/ops.md which claimed pairs of op and dtype were compared with the reference, from real runs.

    rlx conform build/lib/rlx/plugins/rlx_cpu.so --profile ci --json cpu.jsonl
    rlx conform build/lib/rlx/faulty/rlx_c0.so --profile ci --json c0.jsonl
    tools/conform/tested.py build/bin/rlx_registry cpu=cpu.jsonl C0=c0.jsonl

The reports go into plugin_api/registry/tested.json in short, and rlx_registry makes the page from that. A report of a
part of a run, or of one that did not end, is refused.
"""
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def fail(text):
    sys.exit(f"tested.py: {text}")


def read(path):
    lines = [json.loads(line) for line in open(path, encoding="utf-8")]
    run, verdict = lines[0], lines[-1]
    if run.get("type") != "run" or verdict.get("type") != "verdict":
        fail(f"{path}: no report of a run that has ended")
    if run["part"] or not run["own_worker"]:
        fail(f"{path}: only a part was run, or by another worker")
    return run, verdict, [line for line in lines if line["type"] == "coverage" and line["claimed"]]


def state_of(row):
    """A pair passed where every case that ran it did."""
    return "failed" if row["failed"] else "passed" if row["passed"] else "untested"


def backend(name, path):
    run, verdict, rows = read(path)
    ops = {}
    for row in rows:
        ops.setdefault(row["op"], {}).setdefault(state_of(row), []).append(row["dtype"])
    return {"name": name, "plugin": run["plugin"], "version": run["version"], "profile": run["profile"], "seeds": run["seeds"],
            "date": run["date"], "verdict": verdict["word"], "level": verdict["level"], "cases": verdict["cases"],
            "claimed": len(rows), "passed": sum(state_of(row) == "passed" for row in rows), "ops": ops}


def main():
    if len(sys.argv) < 3 or any("=" not in word for word in sys.argv[2:]):
        fail("wanted: tested.py RLX_REGISTRY NAME=REPORT.jsonl …")
    made = [backend(*word.split("=", 1)) for word in sys.argv[2:]]
    folder = ROOT / "plugin_api" / "registry"
    (folder / "tested.json").write_text(json.dumps({"backends": made}, indent=1) + "\n", encoding="utf-8")
    subprocess.run([sys.argv[1], folder / "rlx.json", ROOT], check=True)


if __name__ == "__main__":
    main()
