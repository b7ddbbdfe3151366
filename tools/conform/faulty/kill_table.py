# SPDX-License-Identifier: Apache-2.0
"""Writes what is kept into docs/conformance.md and strength.inc (kill.py)."""
import collections
import datetime
import re
import subprocess

from kill_controls import blamed
from kill_tool import HERE, PROFILES, read_controls, read_faults, timed

PAGE = HERE.parents[2] / "docs/conformance.md"
BEGIN, END = "<!-- made by kill.py: begin -->\n", "<!-- made by kill.py: end -->\n"


def commit_of_tree():
    """Short, and marked where the tree differs from it."""
    git = ["git", "-C", str(HERE), "describe", "--always", "--dirty=+", "--exclude=*"]
    return subprocess.run(git, capture_output=True, text=True).stdout.strip() or "unknown"


def listed(items):
    return ", ".join(items) if items else "none"


def runs_of(kept, fault):
    return kept.get(fault.number, {"runs": {}})["runs"]


def first_kill(kept, fault):
    """The smallest profile that kills it, or empty."""
    runs = runs_of(kept, fault)
    return next((profile for profile in PROFILES if runs.get(profile, {}).get("what") == "killed"), "")


def head_text(kept, faults, controls):
    measured = [fault for fault in faults if runs_of(kept, fault)]
    first = [first_kill(kept, fault) for fault in faults]
    honest = [control for control in controls if not control.number.startswith("C1")]
    seeds = [len(kept[control.number].get("seeds", {})) or 1 for control in honest]
    false = [control.number for control in controls if blamed(kept[control.number], PROFILES)]
    commits = sorted({entry["commit"] for entry in kept.values() if entry.get("commit")})
    return [f"Measured on {datetime.date.today()} at commit {listed(commits)}: **{sum(map(bool, first))} of {len(measured)} seeded defects are",
            f"killed** ({len(faults)} are in the list; what is not measured yet is named below): {first.count('quick')} by profile quick",
            f"already, {first.count('ci')} more by ci, {first.count('full')} more by full; each by a check that was named for it beforehand,",
            "while the defect counted that it acted, and once more with the same seed. Of",
            f"{len(honest)} honest plugins (C0 and its look-alikes, {min(seeds, default=0)} to {max(seeds, default=0)} seeds each) and the canary,",
            f"which must fail, these are wrong: {listed(false)}.", ""]


def group_rows(kept, faults):
    lines = ["| group | defects | killed | in quick |", "|---|---|---|---|"]
    for group in dict.fromkeys(fault.group for fault in faults):
        first = [first_kill(kept, fault) for fault in faults if fault.group == group]
        lines.append(f"| {group} | {len(first)} | {sum(map(bool, first))} | {first.count('quick')} |")
    return lines + [""]


def defect_rows(kept, faults):
    lines = ["| defect | killed by | profile | seconds to the kill |", "|---|---|---|---|"]
    for fault in faults:
        profile, runs = first_kill(kept, fault), runs_of(kept, fault)
        if profile:
            run = runs[profile]
            lines.append(f"| {fault.number} {fault.name} | {', '.join(run['by'])} | {profile} | {run['seconds']} |")
        else:
            last = next((name for name in reversed(PROFILES) if name in runs), "")
            lines.append(f"| {fault.number} {fault.name} | **{runs[last]['what'] if last else 'not measured'}** | {last} | |")
    return lines + [""]


def control_rows(kept, controls):
    """Seeds are those of profile quick: over every case that draws on one, or over those that come near their bounds."""
    lines = ["| control | as it must be in | seeds, all cases | seeds, near the bound | false alarms |", "|---|---|---|---|---|"]
    for control in controls:
        entry = kept[control.number]
        right = [profile for profile in PROFILES if entry["runs"].get(profile, {}).get("what") == "as it must be"]
        alarms = [f"{profile}: {run['by'] or 'nothing failed'}" for profile, run in entry["runs"].items() if run["what"] != "as it must be"]
        seeds = entry.get("seeds", {})
        alarms += [f"seed {seed}: {one['by']}" for seed, one in sorted(seeds.items(), key=lambda pair: int(pair[0])) if one["by"]]
        wide = sum(one["wide"] for one in seeds.values())
        lines.append(f"| {control.number} {control.name} | {listed(right)} | {max(wide, 1)} | {max(len(seeds), 1)} | {'; '.join(alarms) or 'none'} |")
    return lines + [""]


def table_text(tool, faults, controls):
    """Everything that is kept, as Markdown."""
    kept = tool.kept
    controls = [control for control in controls if control.number in kept]
    killed = {fault.number: runs_of(kept, fault)[first_kill(kept, fault)]["by"] for fault in faults if first_kill(kept, fault)}
    killers = {check for fault in faults for run in runs_of(kept, fault).values() if run["what"] == "killed" for check in run["by"]}
    thin = sorted({by[0] + " of " + number for number, by in killed.items() if len(by) == 1})
    lines = head_text(kept, faults, controls) + group_rows(kept, faults) + defect_rows(kept, faults) + control_rows(kept, controls)
    return "\n".join(lines + ["Checks that kill nothing here (unproven): " + listed(sorted(tool.checks - killers)) + ".", "",
                              "Defects that one check alone kills, of those named for them (thin): " + listed(thin) + ".", ""])


def write_table(tool):
    head, rest = PAGE.read_text().split(BEGIN, 1)
    PAGE.write_text(head + BEGIN + "\n" + table_text(tool, read_faults(), read_controls()) + "\n" + END + rest.split(END, 1)[1])


def killed_by_table():
    """The checks that docs/conformance.md says kill a defect in quick, by its number."""
    rows = re.findall(r"(?m)^\| (\d+) [^|]+\| ([A-Z]{3}-\d\d[^|]*?) *\| quick \|", PAGE.read_text())
    return {number: checks.split(", ") for number, checks in rows}


def shortest(tool, promised, faults):
    """The defects, each with that one check of the table's which has the fewest cases; tests of time where nothing else kills."""
    counts = collections.Counter(case.split("/")[0] for case in tool.cases(read_controls()[0], "quick"))
    def cost(check):
        return timed(check), counts[check], check
    return [fault._replace(checks=[min(promised[fault.number], key=cost)]) for fault in faults]


def strength_rows(tool, faults, controls):
    """A row for each profile that every defect with a check was measured in, with the controls that were; and what is missing of others."""
    rows, missing = [], []
    faults = [fault for fault in faults if set(fault.checks) & tool.checks]
    honest = [control for control in controls if not control.number.startswith("C1")]
    for profile in PROFILES:
        controls = [control for control in honest if profile in runs_of(tool.kept, control)]
        left = [one.number for one in faults if profile not in runs_of(tool.kept, one)] + ([] if controls else ["C0"])
        if left:
            missing.append(f"{profile}: not recorded, {len(left)} are not measured in it ({' '.join(left[:12])}{' …' if len(left) > 12 else ''})")
            continue
        killed = sum(runs_of(tool.kept, fault)[profile]["what"] == "killed" for fault in faults)
        wrong = sum(blamed(tool.kept[control.number], [profile]) for control in controls)
        rows.append(f'{{"{profile}", {killed}, {len(faults)}, {wrong}, {len(controls)}}},')
    return rows, missing


def record(tool):
    """Writes the figures that every report and certificate of the tool shows."""
    rows, missing = strength_rows(tool, read_faults(), read_controls())
    path = HERE / "strength.inc"
    head = [line for line in path.read_text().split("\n") if line and not line.startswith("{")]
    path.write_text("\n".join(head + rows) + "\n")  # no row without a measurement that is kept
    for line in missing:
        print(line)
    return bool(rows)
