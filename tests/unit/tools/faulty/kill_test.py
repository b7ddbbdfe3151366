#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kill.py counts rightly: beside a stand-in for rlx-conform whose plugins are files that say what it shall report.

usage: kill_test.py FOLDER_OF_KILL_PY
"""
import argparse
import contextlib
import io
import json
import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv.pop(1))
import kill_table  # noqa: E402
from kill_controls import Controls, portions  # noqa: E402
from kill_faults import Faults  # noqa: E402
from kill_tool import Fault, Tool, read_controls, read_faults  # noqa: E402

STAND_IN = '''#!/usr/bin/env python3
import fnmatch, json, os, sys, time
words = sys.argv[1:]
def values(name): return [words[i + 1] for i, word in enumerate(words[:-1]) if word == name]
if words == ["--list"]:
    print("\\n".join(f"{check}   level 1  A sentence." for check in ["MEM-01", "OPS-01", "OPS-02", "PRF-01", "WGT-08"])); sys.exit(0)
plugin = json.load(open(words[0]))
profile, seed = values("--profile")[0], (values("--seed") or ["1"])[0]
cases = plugin["cases"].get(profile, [])
if "--list" in words:
    print("\\n".join("         " + case for case in cases)); sys.exit(0)
with open(words[0] + ".log", "a") as log: log.write(json.dumps([profile, seed, values("--filter"), values("--replay")]) + "\\n")
wanted = lambda case: any(case == f or case.startswith(f + "/") for f in values("--filter")) or any(case == r.split(":")[0] for r in values("--replay"))
bad = 0
with open(values("--json")[0], "w") as report:
    for case in filter(wanted, cases):
        fails = case in plugin.get("bad", []) or case in plugin.get("bad_of_seed", {}).get(seed, [])
        if case in plugin.get("bad_once", []): fails = not values("--replay")
        check, key = case.split("/")
        report.write(json.dumps({"type": "case", "check": check, "key": key, "seed": 5, "status": "FAIL" if fails else "PASS", "ms": 500, "worst": plugin.get("worst", {}).get(case, 0)}) + "\\n")
        bad += fails
    report.flush()
    time.sleep(plugin.get("sleep", 0))
    report.write('{"type": "ca')
if os.environ.get("RLX_FAULT_COUNTER"): open(os.environ["RLX_FAULT_COUNTER"], "wb").write(plugin.get("count", 1).to_bytes(8, "little"))
sys.exit(plugin.get("code", 1 if bad else 0))
'''
CASES = {"quick": ["MEM-01/a", "OPS-01/a", "PRF-01/a", "WGT-08/256"], "ci": ["MEM-01/a", "OPS-01/a", "OPS-01/b", "PRF-01/a", "WGT-08/1024"]}


class Bench(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        build = pathlib.Path(self.folder.name)
        (build / "libexec/rlx").mkdir(parents=True)
        (build / "lib/rlx/faulty").mkdir(parents=True)
        program = build / "libexec/rlx/rlx-conform"
        program.write_text(STAND_IN)
        program.chmod(0o755)
        self.tool = Tool(build)

    def plugin(self, fault, **said):
        self.tool.library(fault).write_text(json.dumps(dict({"cases": CASES}, **said)))

    def log(self, fault):
        path = pathlib.Path(str(self.tool.library(fault)) + ".log")
        return [json.loads(line) for line in path.read_text().split("\n") if line] if path.exists() else []

    def measured(self, checks, profiles=("quick",), missing=False, **said):
        """The runs of a defect whose plugin says so."""
        fault = Fault("7", "wrong", checks, "", "group")
        if said:
            self.plugin(fault, **said)
        faults = Faults(self.tool, [fault], options(profiles, missing=missing))
        with contextlib.redirect_stdout(io.StringIO()):
            faults.measure()
            self.counted = faults.summary()
        self.fault = fault
        return faults.runs["7"]

    def controls(self, missing=False, profiles=("quick",), seeds=1, **said):
        control = Fault("H1", "honest", [], "", "controls")
        if said:
            self.plugin(control, **said)
        controls = Controls(self.tool, [control], options(profiles, missing=missing, seeds=seeds))
        with contextlib.redirect_stdout(io.StringIO()):
            controls.measure()
        self.fault = control
        return controls


def options(profiles=("quick",), **more):
    return argparse.Namespace(**dict(dict(profiles=list(profiles), jobs=2, timed_jobs=1, seeds=1, wide=4, deep=1, near=0.1, missing=False, all_checks=False, against_table=False), **more))


class Defects(Bench):
    def test_kill_names_expected_checks_and_seconds(self):
        run = self.measured(["OPS-01", "MEM-01"], bad=["OPS-01/a"])["quick"]
        self.assertEqual((run["what"], run["by"], run["again"], run["seconds"]), ("killed", ["OPS-01"], ["OPS-01"], 1.0))
        self.assertEqual(self.counted, (1, 1))
        self.assertEqual(self.log(self.fault)[1][3], ["OPS-01/a:5"])

    def test_what_does_not_repeat_is_no_kill(self):
        self.assertEqual(self.measured(["OPS-01"], bad_once=["OPS-01/a"])["quick"]["what"], "not repeated")
        self.assertEqual(self.counted, (0, 1))

    def test_what_never_acted_is_no_kill(self):
        self.assertEqual(self.measured(["OPS-01"], bad=["OPS-01/a"], count=0)["quick"]["what"], "not reached")

    def test_words_of_what_is_not_killed(self):
        self.assertEqual(self.measured(["OPS-01"], count=3)["quick"]["what"], "survived")
        self.assertEqual(self.measured(["OPS-01"], count=3, code=3)["quick"]["what"], "not loaded")
        self.assertEqual(self.measured(["OPS-01"], count=3, code=4)["quick"]["what"], "tool error")
        self.assertEqual(self.measured(["XYZ-01"], count=3)["quick"]["what"], "no check")
        self.assertEqual(self.counted, (0, 0))

    def test_too_slow_is_a_verdict(self):
        self.tool.seconds = 1
        self.assertEqual(self.measured(["OPS-01"], sleep=3)["quick"]["what"], "too slow")

    def test_timed_checks_run_apart(self):
        self.assertEqual(self.measured(["PRF-01", "OPS-01"], bad=["PRF-01/a"])["quick"]["by"], ["PRF-01"])
        self.assertEqual([line[2] for line in self.log(self.fault)], [["OPS-01"], ["PRF-01"], []])

    def test_larger_profile_inherits_a_kill_by_a_case_that_it_has(self):
        runs = self.measured(["OPS-01"], ("quick", "ci"), bad=["OPS-01/a"])
        self.assertEqual(runs["ci"], runs["quick"])
        self.assertEqual({line[0] for line in self.log(self.fault)}, {"quick"})

    def test_larger_profile_inherits_no_other(self):
        self.assertEqual(self.measured(["WGT-08"], ("quick", "ci"), bad=["WGT-08/256"])["ci"]["what"], "survived")

    def test_survivor_of_quick_is_killed_by_ci(self):
        runs = self.measured(["OPS-01"], ("quick", "ci"), bad=["OPS-01/b"])
        self.assertEqual((runs["quick"]["what"], runs["ci"]["what"]), ("survived", "killed"))

    def test_missing_goes_on_and_measures_changed_files_anew(self):
        self.measured(["OPS-01"], bad=["OPS-01/a"])
        self.tool = Tool(self.tool.build)
        self.measured(["OPS-01"], ("quick", "ci"), missing=True)
        self.assertEqual(len(self.log(self.fault)), 2)
        self.tool = Tool(self.tool.build)
        self.measured(["OPS-01"], missing=True, bad=[])
        self.assertEqual(len(self.log(self.fault)), 3)


class Honest(Bench):
    def test_every_case_runs_once_in_the_largest_profile_that_has_it(self):
        controls = self.controls(profiles=("quick", "ci"), cases=CASES)
        self.assertEqual(controls.wrong(), 0)
        self.assertEqual(sorted((line[0], line[2]) for line in self.log(self.fault)),
                         [("ci", ["MEM-01", "OPS-01", "WGT-08"]), ("ci", ["PRF-01"]), ("quick", ["WGT-08/256"])])

    def test_large_checks_run_beside_the_rest(self):
        control = Fault("H1", "honest", [], "", "controls")
        self.plugin(control, cases={"quick": ["MEM-01/a"] + [f"OPS-01/{i}" for i in range(1000)]})
        self.assertEqual([part[1] for part in portions(self.tool, control, ["quick"])], [["OPS-01"], ["MEM-01"]])

    def test_an_alarm_counts_in_the_profiles_that_have_the_case(self):
        controls = self.controls(profiles=("quick", "ci"), bad=["OPS-01/b"])
        runs = self.tool.kept["H1"]["runs"]
        self.assertEqual((runs["quick"]["what"], runs["ci"]["what"], runs["ci"]["by"]), ("as it must be", "WRONG", "OPS-01:FAIL"))
        self.assertEqual(controls.wrong(), 1)

    def test_nothing_run_is_not_as_it_must_be(self):
        self.assertEqual(self.controls(cases={"quick": []}).wrong(), 1)

    def test_seeds_run_what_comes_near_its_bound_and_all_at_times(self):
        self.controls(seeds=5, worst={"OPS-01/a": 0.3, "MEM-01/a": 0.01})
        seeds = [(line[1], line[2]) for line in self.log(self.fault)[2:]]
        near, wide = ["OPS-01/a"], ["MEM-01", "OPS-01", "WGT-08"]
        self.assertEqual(sorted(seeds), [("1", wide), ("2", near), ("3", near), ("4", near), ("5", wide)])

    def test_an_alarm_of_one_seed_is_kept(self):
        self.assertEqual(self.controls(seeds=5, worst={"OPS-01/a": 0.3}, bad_of_seed={"3": ["OPS-01/a"]}).wrong(), 1)
        self.assertEqual(self.tool.kept["H1"]["seeds"]["3"]["cases"], ["OPS-01/a:5"])

    def test_missing_runs_further_seeds_alone(self):
        self.controls(seeds=3, worst={"OPS-01/a": 0.3})
        before = len(self.log(self.fault))
        self.controls(seeds=4, missing=True)
        self.assertEqual([line[1] for line in self.log(self.fault)[before:]], ["4"])


class Table(Bench):
    def test_row_of_a_kill_is_read_again(self):
        self.measured(["OPS-01"], bad=["OPS-01/a"])
        self.controls(seeds=2, worst={"OPS-01/a": 0.3}, bad_of_seed={"2": ["OPS-01/a"]})
        text = kill_table.table_text(self.tool, [self.fault_7()], [Fault("H1", "honest", [], "", "controls")])
        self.assertIn("| 7 wrong | OPS-01 | quick | 0.5 |", text)
        self.assertIn("| H1 honest | quick | 1 | 2 | seed 2: OPS-01:FAIL |", text)
        self.assertIn("(thin): OPS-01 of 7.", text)
        page = pathlib.Path(self.folder.name) / "page.md"
        page.write_text(text)
        kill_table.PAGE, old = page, kill_table.PAGE
        self.addCleanup(setattr, kill_table, "PAGE", old)
        self.assertEqual(kill_table.killed_by_table(), {"7": ["OPS-01"]})

    def test_of_the_table_the_check_with_fewest_cases_is_run_and_none_of_time(self):
        self.plugin(Fault("C0", "correct", [], "", "controls"), cases={"quick": ["OPS-01/a", "OPS-01/b", "MEM-01/a", "MEM-01/b", "MEM-01/c", "PRF-01/a"]})
        chosen = kill_table.shortest(self.tool, {"7": ["MEM-01", "OPS-01", "PRF-01"]}, [self.fault_7()])
        self.assertEqual(chosen[0].checks, ["OPS-01"])

    def test_strength_needs_every_defect_and_control(self):
        control = Fault("H1", "honest", [], "", "controls")
        self.measured(["OPS-01"], ("quick", "ci"), bad=["OPS-01/a"])
        self.controls(cases=CASES)
        rows, missing = kill_table.strength_rows(self.tool, [self.fault_7()], [control])
        self.assertEqual(rows, ['{"quick", 1, 1, 0, 1},'])
        self.assertEqual([line.split(":")[0] for line in missing], ["ci", "full"])

    def fault_7(self):
        return Fault("7", "wrong", ["OPS-01"], "", "group")

    def test_lists_are_read(self):
        self.assertGreater(len(read_faults()), 100)
        self.assertEqual(read_controls()[0].number, "C0")


unittest.main(verbosity=0)
