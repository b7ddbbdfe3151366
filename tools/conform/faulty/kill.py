#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How strong the conformance tool is: runs it on every seeded defect of faults.txt and on the controls, and reports kills.

A kill counts only if the library counted that its defect acted, and a check that the table expects failed. Build the target
rlx_faulty and rlx-conform first.  usage: kill.py [--build BUILD] [--profile P] [--all-checks] [--record] [NAME...]
NAME is a number of faults.txt or controls.txt, or C0. Exit 0: the canary failed, no look-alike did, nothing survived that a
check exists for.
"""
import argparse
import collections
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
BAD = ("FAIL", "CRASH", "HANG", "FLAKY")
Fault = collections.namedtuple("Fault", "number name checks sentence group")


def read_faults():
    group, faults = "", []
    for line in (HERE / "faults.txt").read_text().split("\n"):
        if line.startswith("# ") and len(line) < 60:
            group = line[2:]
        elif re.match(r"\d", line):
            number, name, checks, sentence = line.split(" ", 3)
            faults.append(Fault(number, name, checks.split(","), sentence, group))
    return faults


def read_controls():
    rows = [line.split(" ", 3) for line in (HERE / "controls.txt").read_text().split("\n") if re.match(r"[CH]\d", line)]
    return [Fault("C0", "correct", [], "", "controls")] + [Fault(row[0], row[1], [], row[3], "controls") for row in rows]


class Tool:
    """rlx-conform of one build, on one library at a time."""

    def __init__(self, options):
        self.build = pathlib.Path(options.build)
        self.options = options
        self.checks = self.known_checks()

    def library(self, fault):
        name = "rlx_c0" if fault.number == "C0" else fault.number.lower() if fault.group == "controls" else "fault_" + fault.number
        return self.build / "lib/rlx/faulty" / (name + ".so")

    def known_checks(self):
        listed = subprocess.run([self.build / "libexec/rlx/rlx-conform", "--list"], capture_output=True, text=True, check=True)
        return set(re.findall(r"(?m)^([A-Z]{3}-\d\d) ", listed.stdout))

    def run(self, fault, checks):
        """Exit code, how often the defect acted, and the checks that failed with how they did."""
        with tempfile.TemporaryDirectory() as folder:
            counter, report = pathlib.Path(folder, "counter"), pathlib.Path(folder, "report")
            counter.write_bytes(bytes(8))
            command = [self.build / "libexec/rlx/rlx-conform", self.library(fault), "--env", "RLX_FAULT_COUNTER", "--json", report,
                       "--profile", self.options.profile, "--timeout-ms", "3000"]
            for check in checks:
                command += ["--filter", check]
            ended = subprocess.run(command, env=dict(os.environ, RLX_FAULT_COUNTER=str(counter)), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, timeout=self.options.seconds)
            failed = collections.defaultdict(set)
            for line in report.read_text().split("\n") if report.exists() else []:
                case = json.loads(line) if line else {}
                if case.get("status") in BAD:
                    failed[case["check"]].add(case["status"])
            return ended.returncode, int.from_bytes(counter.read_bytes(), "little"), failed


def verdict(tool, fault):
    """Killed, survived, not reached, elsewhere, too slow, not loaded, no check or not built; and the checks that failed."""
    if not tool.library(fault).exists():
        return "not built", {}
    checks = [check for check in fault.checks if check in tool.checks]
    if not checks and not tool.options.all_checks:
        return "no check", {}
    try:
        code, count, failed = tool.run(fault, [] if tool.options.all_checks else checks)
    except subprocess.TimeoutExpired:
        return "too slow", {}
    if code == 3:
        return "not loaded", {}
    if not count:
        return "not reached", failed
    if any(check in fault.checks for check in failed):
        return "killed", failed
    return ("elsewhere" if failed else "survived"), failed


def text_of(failed):
    return " ".join(sorted(f"{check}:{'/'.join(sorted(how))}" for check, how in failed.items()))


def run_controls(tool, controls):
    wrong = 0
    for control in controls:
        if not tool.library(control).exists():
            print(f"{control.number:>5} {control.name}: not built")
            continue
        code, _, failed = tool.run(control, [])
        right = bool(failed) if control.number.startswith("C1") else code == 0
        wrong += not right
        print(f"{control.number:>5} {control.name}: {'as it must be' if right else 'WRONG'} {'' if right else text_of(failed)}", flush=True)
    return wrong


def run_faults(tool, faults):
    groups, killers = collections.defaultdict(collections.Counter), collections.Counter()
    for fault in faults:
        what, failed = verdict(tool, fault)
        groups[fault.group][what] += 1
        killers.update(failed.keys())
        print(f"{fault.number:>5} {fault.name}: {what} {text_of(failed)}", flush=True)
    total = collections.Counter()
    print()
    for group, counts in groups.items():
        total.update(counts)
        print(f"{group:40} {', '.join(f'{count} {what}' for what, count in counts.most_common())}")
    tried = sum(total.values()) - total["no check"] - total["not built"]
    print(f"{'all':40} {', '.join(f'{count} {what}' for what, count in total.most_common())}")
    print(f"kill rate {total['killed']} of {tried} for which a check exists, {sum(total.values())} in all")
    print("killed by: " + " ".join(f"{check}:{count}" for check, count in sorted(killers.items())))
    return total["killed"], tried


def record(profile, killed, tried, blamed, honest):
    """Writes the figures that every report and certificate of the tool shows."""
    path = HERE / "strength.inc"
    kept = [line for line in path.read_text().split("\n") if line and not line.startswith('{"' + profile + '"')]
    rows = [line for line in kept if line.startswith("{")] + [f'{{"{profile}", {killed}, {tried}, {blamed}, {honest}}},']
    path.write_text("\n".join([line for line in kept if not line.startswith("{")] + sorted(rows)) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=HERE.parents[2] / "build")
    parser.add_argument("--profile", default="quick")
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--all-checks", action="store_true", help="run every check, not those that the table expects to kill")
    parser.add_argument("--record", action="store_true", help="write the figures into strength.inc; needs every name")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    tool = Tool(options)
    chosen = [fault for fault in read_controls() + read_faults() if not options.names or fault.number in options.names]
    wrong = run_controls(tool, [fault for fault in chosen if fault.group == "controls"])
    killed, tried = run_faults(tool, [fault for fault in chosen if fault.group != "controls"])
    unknown = set(options.names) - {fault.number for fault in chosen}
    missing = [fault.number for fault in chosen if not tool.library(fault).exists()]
    if unknown or missing or not chosen:
        print(f"not measured: unknown {sorted(unknown)}, not built {missing} (build the target rlx_faulty)")
        return 2
    if options.record and not options.names:
        record(options.profile, killed, tried, wrong, sum(fault.group == "controls" and fault.number != "C1" for fault in chosen))
    return 1 if wrong or killed < tried else 0


sys.exit(main())
