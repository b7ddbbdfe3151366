#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How strong the conformance tool is: runs it on every seeded defect of faults.txt and on the controls, and reports kills.

A kill counts only if the library counted that its defect acted, a check that the table expects failed, and the case failed
again with the same seed. Build the targets rlx_faulty and rlx-conform first.
NAME is a number of faults.txt or controls.txt, or C0. Exit 0: the canary failed, no look-alike did, nothing survived that a
check exists for.

What is seen is kept in BUILD/kill.json at once, by name: a run may be cut, and --missing goes on. All of it:
    ninja -C build rlx_faulty rlx-conform
    tools/conform/faulty/kill.py --profile quick,ci,full --jobs 16 --timed-jobs 2 --seeds 200 --deep 3 --table --record
Of a defect that a profile kills, larger ones run nothing where they have the same case. Tests of time (PRF, CON, CAN) run
after the others, --timed-jobs at once: give them machines' worth of quiet. --seeds N runs C0 and the look-alikes in quick
with N seeds: each tenth (--wide) over every case that draws on the seed, the others over those whose results came
within a part (--near) of their bounds, where alone rounding can raise an alarm.
--against-table runs of each defect that check of the table's with the fewest cases; it fails where that kills no more.
"""
import argparse
import resource
import sys
import time

sys.dont_write_bytecode = True
from kill_controls import Controls  # noqa: E402
from kill_faults import Faults  # noqa: E402
from kill_table import commit_of_tree, killed_by_table, record, shortest, write_table  # noqa: E402
from kill_tool import HERE, PROFILES, Tool, read_controls, read_faults  # noqa: E402


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--build", default=HERE.parents[2] / "build")
    add("--profile", default="quick", help="quick, ci, full: one, or several joined by commas")
    add("--jobs", type=int, default=1, help="so many libraries at once")
    add("--timed-jobs", type=int, default=1, help="so many at once of the tests of time; each needs some four idle cores")
    add("--seeds", type=int, default=1, help="of C0 and the look-alikes")
    add("--wide", type=int, default=10, help="each so many-th seed runs every case that draws on it")
    add("--near", type=float, default=0.1, help="part of its bound that a case's results reached, for it to run with every seed")
    add("--deep", type=int, default=1, help="seeds of C0 and the look-alikes in the largest profile asked for, beyond quick")
    add("--missing", action="store_true", help="measure only what is not kept of these very files")
    add("--seconds", type=int, help="the longest that one call of the tool may take (default 300, 900, 3600 by profile)")
    add("--timeout-ms", default="3000", help="of one phase of a case")
    add("--all-checks", action="store_true", help="run every check, not those that the table expects to kill")
    add("--commit", help="what is measured, where this is no checkout")
    add("--record", action="store_true", help="write the figures of every profile that is wholly kept into strength.inc")
    add("--table", action="store_true", help="write docs/conformance.md from what is kept")
    add("--table-only", action="store_true", help="--table, and run nothing")
    add("--against-table", action="store_true", help="run what the table calls killed in quick, of NAMEs if given; keeps nothing")
    add("names", nargs="*")
    options = parser.parse_args()
    options.profiles = options.profile.split(",")
    if not set(options.profiles) <= set(PROFILES):
        parser.error(f"--profile {options.profile}: wanted some of {', '.join(PROFILES)}")
    if min(options.jobs, options.timed_jobs, options.seeds, options.wide, options.deep) < 1:
        parser.error("--jobs, --timed-jobs, --seeds, --wide and --deep are 1 at least")
    options.profiles.sort(key=PROFILES.index)
    return options


def write(tool, options):
    if options.table or options.table_only:
        write_table(tool)
    return not options.record or record(tool)


def main():
    options, begin = parse(), time.monotonic()
    tool = Tool(options.build, options.timeout_ms, options.seconds, options.commit or commit_of_tree())
    if options.table_only:
        return 0 if write(tool, options) else 1
    promised = killed_by_table() if options.against_table else {}
    broken = set(options.names) - set(promised)
    if options.against_table and broken:
        print(f"the table does not say that quick kills {sorted(broken)}")
        return 1
    options.names = options.names or sorted(promised)
    chosen = [fault for fault in read_controls() + read_faults() if not options.names or fault.number in options.names]
    chosen_faults = [fault for fault in chosen if fault.group != "controls"]
    faults = Faults(tool, shortest(tool, promised, chosen_faults) if promised else chosen_faults, options)
    faults.measure()
    controls = Controls(tool, [fault for fault in chosen if fault.group == "controls"], options)
    controls.measure()
    killed, tried = faults.summary()
    wrong = controls.wrong()
    print(f"controls that are wrong: {wrong} of {len(controls.controls)}")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{time.monotonic() - begin:.0f} s, {used.ru_utime + used.ru_stime:.0f} s of processors")
    written = write(tool, options)
    unknown = set(options.names) - {fault.number for fault in chosen}
    missing = [fault.number for fault in chosen if not tool.library(fault).exists()]
    if unknown or missing or not chosen:
        print(f"not measured: unknown {sorted(unknown)}, not built {missing} (build the target rlx_faulty)")
        return 2
    return 1 if wrong or killed < tried or not written else 0


if __name__ == "__main__":
    sys.exit(main())
