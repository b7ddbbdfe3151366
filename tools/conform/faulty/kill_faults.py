# SPDX-License-Identifier: Apache-2.0
"""Seeded defects: whether the checks that are named for each kill it, and whether they do so again (kill.py)."""
import collections
from concurrent.futures import ThreadPoolExecutor, as_completed

from kill_tool import id_of, text_of, timed

# again: checks whose first failing case failed once more with its seed; seconds: until the first expected failure.
Part = collections.namedtuple("Part", "codes count bad again")
ENDED = ("not built", "no check", "not loaded")


def measured(tool, fault, profile, checks):
    """One run of these checks, and one more of the first case that each expected one failed in."""
    seen = tool.run(fault, profile, checks)
    first = {}
    for case in seen.bad:
        if case.check in fault.checks:
            first.setdefault(case.check, case)
    again = []
    if first and seen.count:
        again = tool.run(fault, profile, replays=[f"{id_of(case)}:{case.seed}" for case in first.values()]).bad
    return Part([seen.code], seen.count, seen.bad, sorted({case.check for case in again} & set(first)))


def joined(parts):
    return Part([code for part in parts for code in part.codes], sum(part.count for part in parts),
                [case for part in parts for case in part.bad], sorted({check for part in parts for check in part.again}))


def word_for(fault, part):
    """Killed, survived, not reached, elsewhere, not repeated, too slow, not loaded or tool error."""
    if 3 in part.codes:
        return "not loaded"
    if part.count and part.again:
        return "killed"
    if None in part.codes:
        return "too slow"
    if not part.bad and (2 in part.codes or 4 in part.codes):
        return "tool error"
    if not part.count:
        return "not reached"
    if any(case.check in fault.checks for case in part.bad):
        return "not repeated"
    return "elsewhere" if part.bad else "survived"


def run_of(fault, part):
    """What is kept of it."""
    expected = [case for case in part.bad if case.check in fault.checks]
    by = {}
    for case in expected:
        by.setdefault(case.check, id_of(case))
    return {"what": word_for(fault, part), "by": sorted(by), "cases": sorted(by.values()), "again": part.again,
            "seconds": round(min((case.milliseconds for case in expected), default=0) / 1000, 2)}


def unmeasured(tool, fault, all_checks):
    if not tool.library(fault).exists():
        return "not built"
    return "" if all_checks or any(check in tool.checks for check in fault.checks) else "no check"


class Faults:
    """The defects of one call of kill.py, profile after profile."""

    def __init__(self, tool, faults, options):
        self.tool, self.faults, self.options = tool, faults, options
        self.runs = {fault.number: {} for fault in faults}
        for fault in faults if options.missing else []:
            self.runs[fault.number].update(tool.known(fault)["runs"])

    def measure(self):
        for profile in self.options.profiles:
            self.measure_profile(profile)

    def measure_profile(self, profile):
        todo = [fault for fault in self.faults if profile not in self.runs[fault.number]]
        for fault in todo:
            word = unmeasured(self.tool, fault, self.options.all_checks)
            if word:
                self.end(fault, profile, {"what": word, "by": [], "cases": [], "again": [], "seconds": 0})
        todo = [fault for fault in todo if profile not in self.runs[fault.number] and not self.inherit(fault, profile)]
        parts = collections.defaultdict(list)
        for alone, jobs in ((False, self.options.jobs), (True, self.options.timed_jobs)):
            with ThreadPoolExecutor(jobs) as pool:
                asked = {}
                for fault in todo:
                    checks = [check for check in self.checks_of(fault) if timed(check) == alone]
                    if checks:
                        asked[pool.submit(measured, self.tool, fault, profile, checks)] = fault
                for ended in as_completed(asked):
                    fault = asked[ended]
                    parts[fault.number].append(ended.result())
                    if alone or not any(timed(check) for check in self.checks_of(fault)):
                        part = joined(parts[fault.number])
                        self.end(fault, profile, run_of(fault, part), text_of(part.bad))

    def checks_of(self, fault):
        return sorted(self.tool.checks) if self.options.all_checks else [check for check in fault.checks if check in self.tool.checks]

    def inherit(self, fault, profile):
        """A case that kills in a smaller profile kills in this one too, where this one has that case: the same data, by its id."""
        for smaller in self.runs[fault.number].values():
            killing = [case for case in smaller["cases"] if case.split("/")[0] in smaller["again"]]
            if smaller["what"] == "killed" and not self.tool.cases(fault, profile).isdisjoint(killing):
                self.end(fault, profile, smaller, shown=False)
                return True
        return False

    def end(self, fault, profile, run, text="", shown=True):
        self.runs[fault.number][profile] = run
        if run["what"] not in ("not built", "no check") and not self.options.against_table:
            self.tool.keep(fault, lambda entry: entry["runs"].update({profile: run}))
        if shown:
            print(f"{profile:>5} {fault.number:>4} {fault.name}: {run['what']} {text}", flush=True)

    def best(self, fault):
        """The word of the first profile that kills it, else of the last."""
        runs = self.runs[fault.number]
        words = [runs[profile]["what"] for profile in self.options.profiles if profile in runs]
        return "killed" if "killed" in words else words[-1]

    def summary(self):
        """Prints it; how many were killed, and how many that could have been."""
        groups, total = collections.defaultdict(collections.Counter), collections.Counter()
        for fault in self.faults:
            groups[fault.group][self.best(fault)] += 1
            total[self.best(fault)] += 1
        print()
        for group, counts in groups.items():
            print(f"{group:40} {', '.join(f'{count} {what}' for what, count in counts.most_common())}")
        print(f"{'all':40} {', '.join(f'{count} {what}' for what, count in total.most_common())}")
        for fault in self.faults:
            if self.best(fault) != "killed":
                print(f"not killed: {fault.number} {fault.name}, {self.best(fault)}")
        for profile in self.options.profiles:
            killed = sum(self.runs[fault.number].get(profile, {}).get("what") == "killed" for fault in self.faults)
            print(f"kill rate in {profile}: {killed} of {self.tried(total)} for which a check exists, {sum(total.values())} in all")
        return total["killed"], self.tried(total)

    @staticmethod
    def tried(total):
        return sum(total.values()) - total["no check"] - total["not built"]
