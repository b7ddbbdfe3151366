# SPDX-License-Identifier: Apache-2.0
"""Controls: the canary must fail, C0 and the honest look-alikes must not, in every profile and with many seeds (kill.py)."""
import collections
from concurrent.futures import ThreadPoolExecutor, as_completed

from kill_tool import PROFILES, SEEDED, id_of, text_of, timed

# The tool's own limit of one phase: who is right gets time, who is wrong need not.
PATIENT_MS = "10000"
CANARY_CHECK = "OPS-02"
# Checks with more cases than this are measured beside the rest of their control.
LARGE = 700
# Of a part of a check's cases, the tool may say that it is too little or too weak.
PARTIAL = (0, 5, 8)
# Where the answer jumps, rounding shows at once or never.
JUMPS = ("OPS-09", "OPS-16")


def portions(tool, control, profiles):
    """(profile, filters, whole checks?, timed?) that together run every case of the profiles once."""
    done = set()
    for profile in sorted(profiles, key=PROFILES.index, reverse=True):
        cases = tool.cases(control, profile)
        if done:
            left = sorted(cases - done)
            yield from ((profile, ids, False, alone) for alone in (False, True)
                        if (ids := [case for case in left if timed(case) == alone]))
        else:
            counts = collections.Counter(case.split("/")[0] for case in cases)
            large = [check for check, count in counts.items() if count > LARGE and not timed(check)]
            yield from ((profile, [check], True, False) for check in sorted(large))
            yield from ((profile, checks, True, alone) for alone in (False, True)
                        if (checks := sorted(check for check in counts if timed(check) == alone and check not in large)))
        done |= cases


class Controls:
    """The controls of one call of kill.py."""

    def __init__(self, tool, controls, options):
        self.tool, self.options = tool, options
        self.missing = [control for control in controls if not tool.library(control).exists()]
        self.controls = [control for control in controls if control not in self.missing]
        self.honest = [control for control in self.controls if not control.number.startswith("C1")]

    def measure(self):
        for control in self.controls:
            if control not in self.honest:
                self.canary(control)
        self.profiles([control for control in self.honest if not self.known(control)])
        if self.options.seeds > 1:
            self.seeds()
        if self.options.deep > 1:
            self.deep()

    def known(self, control):
        return self.options.missing and set(self.options.profiles) <= set(self.tool.known(control)["runs"])

    def canary(self, control):
        seen = self.tool.run(control, "quick", [CANARY_CHECK])
        self.end(control, {"quick": {"what": "as it must be" if seen.bad else "WRONG", "by": text_of(seen.bad)}})

    def end(self, control, runs, near=None):
        def change(entry):
            entry["runs"].update(runs)
            if near is not None:
                entry["near"] = near
        self.tool.keep(control, change)
        for profile, run in runs.items():
            print(f"{profile:>5} {control.number:>4} {control.name}: {run['what']} {run['by'] if run['what'] != 'as it must be' else ''}", flush=True)

    def profiles(self, controls):
        """Every case of the profiles once, timed ones alone."""
        asked = [(control, portion) for control in controls for portion in portions(self.tool, control, self.options.profiles)]
        seen, left = collections.defaultdict(list), collections.Counter(control.number for control, _ in asked)
        for control in controls:
            if not left[control.number]:
                self.judge(control, [])
        for alone, jobs in ((False, self.options.jobs), (True, self.options.timed_jobs)):
            with ThreadPoolExecutor(jobs) as pool:
                running = {pool.submit(self.tool.run, control, portion[0], portion[1], timeout_ms=PATIENT_MS): (control, portion)
                           for control, portion in asked if portion[3] == alone}
                for ended in as_completed(running):
                    control, portion = running[ended]
                    seen[control.number].append((portion, ended.result()))
                    left[control.number] -= 1
                    if not left[control.number]:
                        self.judge(control, seen.pop(control.number))

    def judge(self, control, portions_seen):
        runs = {}
        for profile in self.options.profiles:
            cases = self.tool.cases(control, profile)
            bad = [case for _, seen in portions_seen for case in seen.bad if id_of(case) in cases]
            codes = [seen.code for portion, seen in portions_seen if not seen.bad and not self.fine(seen, portion[2])]
            slow = ["too slow" if code is None else f"exit code {code}" for code in codes]
            right = cases and not bad and not slow
            runs[profile] = {"what": "as it must be" if right else "WRONG", "by": " ".join([text_of(bad)] + slow).strip()}
        near = {case: worst for _, seen in portions_seen for case, worst in seen.near.items()}
        self.end(control, runs, sorted(case for case in self.tool.cases(control, "quick")
                                       if near.get(case, 0) >= self.options.near or case.split("/")[0] in JUMPS))

    @staticmethod
    def fine(seen, whole):
        return seen.ran > 0 and not seen.bad and (seen.code == 0 if whole else seen.code in PARTIAL)

    def seeds(self):
        """Further seeds: every `wide`th one over every case that draws on it, the others over those that come near their bounds."""
        asked = []
        for control in self.honest:
            entry = self.tool.known(control)
            cases = self.tool.cases(control, "quick")
            wide = sorted({case.split("/")[0] for case in cases if case.split("-")[0] in SEEDED})
            done = entry.get("seeds", {}) if self.options.missing else {}
            for seed in range(1, self.options.seeds + 1):
                whole = seed % self.options.wide == 1 or self.options.wide == 1
                if str(seed) not in done:
                    asked.append((control, seed, whole, wide if whole else [case for case in entry.get("near", []) if case in cases]))
        asked.sort(key=lambda one: one[1])  # so that an end before the end leaves every control with about as many
        alarms = collections.Counter()
        with ThreadPoolExecutor(self.options.jobs) as pool:
            running = {pool.submit(self.tool.run, control, "quick", filters, seed=seed, timeout_ms=PATIENT_MS): (control, seed, whole)
                       for control, seed, whole, filters in asked if filters}
            for ended in as_completed(running):
                control, seed, whole = running[ended]
                alarms[control.number] += self.keep_seed(control, seed, whole, ended.result())
        for control in self.honest:
            seeds = self.tool.kept.get(control.number, {}).get("seeds", {})
            print(f"seeds {control.number:>4} {control.name}: {len(seeds)} run, {sum(1 for seed in seeds.values() if seed['by'])} with an alarm", flush=True)

    def deep(self):
        """Further seeds of the profiles beyond quick: in the largest of them every case that draws on the seed, each check by itself."""
        profile = self.options.profiles[-1]
        asked = []
        for control in self.honest if profile != "quick" else []:
            done = self.tool.known(control).get("deep", {}) if self.options.missing else {}
            checks = sorted({case.split("/")[0] for case in self.tool.cases(control, profile) if case.split("-")[0] in SEEDED})
            asked += [(control, seed, check) for seed in range(2, self.options.deep + 1) for check in checks if f"{profile} {seed} {check}" not in done]
        with ThreadPoolExecutor(self.options.jobs) as pool:
            running = {pool.submit(self.tool.run, control, profile, [check], seed=seed, timeout_ms=PATIENT_MS): (control, seed, check)
                       for control, seed, check in sorted(asked, key=lambda one: one[1])}
            for ended in as_completed(running):
                control, seed, check = running[ended]
                seen = ended.result()
                by = "" if self.fine(seen, False) else text_of(seen.bad) or f"exit code {seen.code}"
                self.tool.keep(control, lambda entry, key=f"{profile} {seed} {check}", by=by: entry.setdefault("deep", {}).update({key: by}))
                if by:
                    print(f"{profile} seed {seed} {control.number:>4} {control.name}: WRONG {by}", flush=True)

    def keep_seed(self, control, seed, whole, seen):
        by = "" if self.fine(seen, whole) else text_of(seen.bad) or f"exit code {seen.code}"
        change = {str(seed): {"wide": whole, "by": by, "cases": sorted({f"{id_of(case)}:{case.seed}" for case in seen.bad})[:5]}}
        self.tool.keep(control, lambda entry: entry.setdefault("seeds", {}).update(change))
        if by:
            print(f"seed {seed} {control.number:>4} {control.name}: WRONG {by}", flush=True)
        return bool(by)

    def wrong(self):
        """How many are not as they must be, by what is kept."""
        return sum(blamed(self.tool.kept.get(control.number, {"runs": {}}), self.options.profiles) for control in self.controls)


def blamed(entry, profiles):
    """Whether one of these profiles, or a seed, says that it is wrong."""
    runs = [entry["runs"][profile]["what"] for profile in profiles if profile in entry["runs"]]
    seeds = [seed["by"] for seed in entry.get("seeds", {}).values()] + list(entry.get("deep", {}).values())
    return any(what != "as it must be" for what in runs) or any(seeds)
