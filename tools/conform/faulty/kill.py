#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How strong the conformance tool is: runs it on every seeded defect of faults.txt and on the controls, and reports kills.

A kill counts only if the library counted that its defect acted, and a check that the table expects failed. Build the target
rlx_faulty and rlx-conform first.  usage: kill.py [--build BUILD] [--profile P[,Q]] [--all-checks] [--record] [--table] [NAME...]
NAME is a number of faults.txt or controls.txt, or C0. Exit 0: the canary failed, no look-alike did, nothing survived that a
check exists for.

What was seen is kept in BUILD/kill.json, by name; --table writes what is kept there into docs/conformance.md. The table anew:
    ninja -C build rlx_faulty rlx-conform && tools/conform/faulty/kill.py --profile quick,ci --table
--against-table also fails where a defect that the table calls killed is not.
"""
import argparse
import collections
import datetime
import fcntl
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PAGE = HERE.parents[2] / "docs/conformance.md"
BEGIN, END = "<!-- made by kill.py: begin -->\n", "<!-- made by kill.py: end -->\n"
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
        self.profile = ""
        self.kept_at = self.build / "kill.json"
        self.kept = json.loads(self.kept_at.read_text() or "{}") if self.kept_at.exists() else {}

    def keep(self, fault, what, failed):
        """Remembers what was seen, for the table."""
        with open(self.kept_at, "a+") as file:  # others may measure other defects at the same time
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            self.kept = json.loads(file.read() or "{}")
            self.kept[fault.number] = {"what": what, "by": sorted(failed), "profile": self.profile}
            file.truncate(0)
            file.write(json.dumps(self.kept, indent=1, sort_keys=True))

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
                       "--profile", self.profile, "--timeout-ms", self.options.timeout_ms]
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
    """The first profile that kills it, or the last one's verdict; kept for the table."""
    what, failed = "no profile", {}
    for tool.profile in tool.options.profile.split(","):
        what, failed = verdict_of(tool, fault)
        if what in ("killed", "not built", "no check", "not loaded"):
            break
    tool.keep(fault, what, [check for check in failed if check in fault.checks])
    return what, failed


def verdict_of(tool, fault):
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
    tool.profile = tool.options.profile.split(",")[0]
    for control in controls:
        if not tool.library(control).exists():
            print(f"{control.number:>5} {control.name}: not built")
            continue
        code, _, failed = tool.run(control, [])
        right = bool(failed) if control.number.startswith("C1") else code == 0
        wrong += not right
        tool.keep(control, "as it must be" if right else "WRONG", failed)
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


def commit_of_tree():
    """Short, and marked where the tree differs from it."""
    git = ["git", "-C", str(HERE), "describe", "--always", "--dirty=+", "--exclude=*"]
    return subprocess.run(git, capture_output=True, text=True).stdout.strip() or "unknown"


def listed(items):
    return ", ".join(items) if items else "none"


def table_text(tool):
    """Everything that is kept, as Markdown."""
    faults, kept = read_faults(), tool.kept
    killed = [fault for fault in faults if kept.get(fault.number, {}).get("what") == "killed"]
    quick = [fault for fault in killed if kept[fault.number]["profile"] == "quick"]
    controls = [control for control in read_controls() if control.number in kept]
    false = [control.number for control in controls if kept[control.number]["what"] != "as it must be"]
    killers = collections.Counter(check for fault in killed for check in kept[fault.number]["by"])
    thin = sorted({kept[fault.number]["by"][0] + " of " + fault.number for fault in killed if len(kept[fault.number]["by"]) == 1})
    lines = [f"Measured on {datetime.date.today()} at commit {commit_of_tree()}: **{len(killed)} of {sum(fault.number in kept for fault in faults)} seeded defects are",
             f"killed** ({len(faults)} are in the list; what is not measured yet is named below), {len(quick)} of them in profile quick, each by a check that was named for it beforehand and while the defect counted",
             f"that it acted. Of {len(controls)} controls (C0, the canary that must fail, honest look-alikes) these are wrong: {listed(false)}.", "",
             "| group | defects | killed | in quick |", "|---|---|---|---|"]
    for group in dict.fromkeys(fault.group for fault in faults):
        own = [fault for fault in faults if fault.group == group]
        lines.append(f"| {group} | {len(own)} | {sum(fault in killed for fault in own)} | {sum(fault in quick for fault in own)} |")
    lines += ["", "| defect | killed by | profile |", "|---|---|---|"]
    for fault in faults:
        seen = kept.get(fault.number, {"what": "not measured", "by": [], "profile": ""})
        by = ", ".join(seen["by"]) if seen["what"] == "killed" else "**" + seen["what"] + "**"
        lines.append(f"| {fault.number} {fault.name} | {by} | {seen['profile']} |")
    lines += ["", "Controls: " + listed([f"{control.number} {control.name}" for control in controls]) + ".", "",
              "Checks that kill nothing here (unproven): " + listed(sorted(tool.checks - set(killers))) + ".", "",
              "Defects that one check alone kills, of those named for them (thin): " + listed(thin) + ".", ""]
    return "\n".join(lines)


def write_table(tool):
    page = PAGE.read_text()
    head, rest = page.split(BEGIN, 1)
    PAGE.write_text(head + BEGIN + "\n" + table_text(tool) + "\n" + END + rest.split(END, 1)[1])


def killed_by_table():
    """Numbers of the defects that docs/conformance.md calls killed in quick."""
    return set(re.findall(r"(?m)^\| (\d+) [^|]+\| [A-Z]{3}-\d\d[^|]*\| quick \|$", PAGE.read_text()))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=HERE.parents[2] / "build")
    parser.add_argument("--profile", default="quick")
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--all-checks", action="store_true", help="run every check, not those that the table expects to kill")
    parser.add_argument("--record", action="store_true", help="write the figures into strength.inc; needs every name, one profile")
    parser.add_argument("--timeout-ms", default="3000", help="of one phase of a case")
    parser.add_argument("--table", action="store_true", help="write docs/conformance.md from what is kept")
    parser.add_argument("--table-only", action="store_true", help="the same, and run nothing")
    parser.add_argument("--against-table", action="store_true", help="run what the table calls killed in quick, of NAMEs if given")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    tool = Tool(options)
    if options.table_only:
        return write_table(tool)
    if options.against_table:
        promised = killed_by_table()
        broken = set(options.names) - promised
        if broken:
            print(f"the table does not say that quick kills {sorted(broken)}")
            return 1
        options.names = options.names or sorted(promised)
    chosen = [fault for fault in read_controls() + read_faults() if not options.names or fault.number in options.names]
    wrong = run_controls(tool, [fault for fault in chosen if fault.group == "controls"])
    killed, tried = run_faults(tool, [fault for fault in chosen if fault.group != "controls"])
    if options.table:
        write_table(tool)
    unknown = set(options.names) - {fault.number for fault in chosen}
    missing = [fault.number for fault in chosen if not tool.library(fault).exists()]
    if unknown or missing or not chosen:
        print(f"not measured: unknown {sorted(unknown)}, not built {missing} (build the target rlx_faulty)")
        return 2
    if options.record and not options.names and "," not in options.profile:
        record(options.profile, killed, tried, wrong, sum(fault.group == "controls" and fault.number != "C1" for fault in chosen))
    return 1 if wrong or killed < tried else 0


sys.exit(main())
