# SPDX-License-Identifier: Apache-2.0
"""rlx-conform on one library at a time, what it saw there, and the file in which that is kept (kill.py)."""
import collections
import fcntl
import hashlib
import json
import os
import pathlib
import re
import subprocess
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
PROFILES = ("quick", "ci", "full")
BAD = ("FAIL", "CRASH", "HANG", "FLAKY")
# Groups that measure time or wait for each other's threads: beside other work they blame who is right.
TIMED = ("PRF", "CON", "CAN")
# Groups with checks that draw on the seed and are not timed. Of CAP these are CAP-01 and CAP-05, of OPS and GRF all.
SEEDED = ("BUF", "CAP", "OPS", "GRF", "MEM", "DYN", "WGT", "ART", "DET")
SECONDS = {"quick": 300, "ci": 900, "full": 3600}

Fault = collections.namedtuple("Fault", "number name checks sentence group")
Case = collections.namedtuple("Case", "check key seed status milliseconds")
# code: exit code, None where it took too long; count: how often the defect acted; ran: number of cases; bad: those that
# failed; near: how near the results of each case that was measured came to their bounds, 1 being the bound.
Seen = collections.namedtuple("Seen", "code count ran bad near")


def id_of(case):
    return case.check + "/" + case.key


def timed(check):
    return check.split("-")[0] in TIMED


def text_of(cases):
    how = collections.defaultdict(set)
    for case in cases:
        how[case.check].add(case.status)
    return " ".join(sorted(f"{check}:{'/'.join(sorted(words))}" for check, words in how.items()))


def read_faults(folder=HERE):
    group, faults = "", []
    for line in (folder / "faults.txt").read_text().split("\n"):
        if line.startswith("# ") and len(line) < 60:
            group = line[2:]
        elif re.match(r"\d", line):
            number, name, checks, sentence = line.split(" ", 3)
            faults.append(Fault(number, name, checks.split(","), sentence, group))
    return faults


def read_controls(folder=HERE):
    rows = [line.split(" ", 3) for line in (folder / "controls.txt").read_text().split("\n") if re.match(r"[CH]\d", line)]
    return [Fault("C0", "correct", [], "", "controls")] + [Fault(row[0], row[1], [], row[3], "controls") for row in rows]


def read_report(path):
    """The cases of a file of --json; its last line may be cut."""
    ran, bad, near, passed = 0, [], {}, 0.0
    for line in path.read_text().split("\n") if path.exists() else []:
        try:
            case = json.loads(line)
        except ValueError:
            continue
        if case.get("type") != "case":
            continue
        ran += 1
        passed += case.get("ms", 0)
        if case["status"] in BAD:
            bad.append(Case(case["check"], case["key"], case["seed"], case["status"], passed))
        if case.get("worst"):
            near[case["check"] + "/" + case["key"]] = case["worst"]
    return ran, bad, near


class Tool:
    """rlx-conform of one build."""

    def __init__(self, build, timeout_ms="3000", seconds=None, commit="unknown"):
        self.build = pathlib.Path(build).resolve()
        self.timeout_ms, self.seconds, self.commit = timeout_ms, seconds, commit
        self.programs = self.build / "libexec/rlx"
        self.checks = self.known_checks()
        self.kept_at = self.build / "kill.json"
        self.lock = threading.Lock()
        self.kept = self.read_kept()
        self.lists, self.stamps = {}, {}

    def read_kept(self):
        try:
            return {name: entry for name, entry in json.loads(self.kept_at.read_text()).items() if "runs" in entry}
        except (OSError, ValueError):
            return {}

    def keep(self, fault, change):
        """change(entry) adds what was seen of this library; what was seen of an older file of it goes."""
        stamp = self.stamp(fault)
        with self.lock, open(str(self.kept_at) + ".lock", "w") as lock:  # others may measure other defects at the same time
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.kept = self.read_kept()
            if self.kept.get(fault.number, {}).get("stamp") != stamp:
                self.kept[fault.number] = {"stamp": stamp, "runs": {}}
            self.kept[fault.number]["commit"] = self.commit
            change(self.kept[fault.number])
            new = pathlib.Path(str(self.kept_at) + ".new")
            new.write_text(json.dumps(self.kept, indent=1, sort_keys=True))
            new.replace(self.kept_at)

    def known(self, fault):
        """What is kept of this very library and tool."""
        entry = self.kept.get(fault.number, {})
        return entry if entry.get("stamp") == self.stamp(fault) else {"runs": {}}

    def stamp(self, fault):
        if fault.number not in self.stamps:
            files = [self.programs / name for name in ("rlx-conform", "rlx-conform-worker", "rlx-conform-reference")]
            digest = hashlib.sha256()
            for file in files + [self.library(fault)]:
                digest.update(file.read_bytes() if file.exists() else b"")
            self.stamps[fault.number] = digest.hexdigest()[:12]
        return self.stamps[fault.number]

    def library(self, fault):
        name = "rlx_c0" if fault.number == "C0" else fault.number.lower() if fault.group == "controls" else "fault_" + fault.number
        return self.build / "lib/rlx/faulty" / (name + ".so")

    def known_checks(self):
        listed = subprocess.run([self.programs / "rlx-conform", "--list"], capture_output=True, text=True, check=True)
        return set(re.findall(r"(?m)^([A-Z]{3}-\d\d) ", listed.stdout))

    def baseline(self, fault):
        """PRF-04 has no cases without one: C0, which every defect is an edition of."""
        return ["--baseline", self.build / "lib/rlx/faulty/rlx_c0.so"] if "PRF-04" in fault.checks else []

    def cases(self, fault, profile):
        """Ids of the cases that a profile runs on this library."""
        key = fault.number, profile
        if key not in self.lists:
            command = [self.programs / "rlx-conform", self.library(fault), "--list", "--profile", profile] + self.baseline(fault)
            try:
                listed = subprocess.run(command, capture_output=True, text=True, timeout=60).stdout
            except subprocess.TimeoutExpired:
                listed = ""
            self.lists[key] = frozenset(re.findall(r"(?m)^ +([A-Z]{3}-\d\d/\S+)$", listed))
        return self.lists[key]

    def run(self, fault, profile, filters=(), replays=(), seed=1, timeout_ms=None):
        with tempfile.TemporaryDirectory() as folder:
            counter, report = pathlib.Path(folder, "counter"), pathlib.Path(folder, "report")
            counter.write_bytes(bytes(8))
            command = [self.programs / "rlx-conform", self.library(fault), "--env", "RLX_FAULT_COUNTER", "--json", report,
                       "--profile", profile, "--seed", str(seed), "--timeout-ms", timeout_ms or self.timeout_ms] + self.baseline(fault)
            for name, values in (("--filter", filters), ("--replay", replays)):
                for value in values:
                    command += [name, value]
            try:
                code = subprocess.run(command, env=dict(os.environ, RLX_FAULT_COUNTER=str(counter)), stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL, timeout=self.seconds or SECONDS[profile]).returncode
            except subprocess.TimeoutExpired:
                code = None
            ran, bad, near = read_report(report)
            return Seen(code, int.from_bytes(counter.read_bytes(), "little"), ran, bad, near)
