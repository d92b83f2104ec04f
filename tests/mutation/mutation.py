#!/usr/bin/env python3
"""Changes the sampler in small ways and tells which changes no test notices.

  mutation.py --sample 200 --seed 1   that many of all mutants, picked by the seed;
                                      the day's, if none is given
  mutation.py --fixed                 the list in fixed.txt; all must be killed
  mutation.py --only ID...            these
  mutation.py --list                  all mutants, one a line; builds nothing
  mutation.py ... --resume LOG        takes over the verdicts that stand in LOG,
                                      what a run of the same sources has printed
                                      that was stopped

Prints `killed K of N (seed S)`. Fails if that is less than the share of --least,
or if survivors.md does not explain a survivor by its id. Needs a build of
sampler_test.
"""

import argparse
import concurrent.futures
import datetime
import glob
import hashlib
import os
import re
import sys
import tempfile
import threading

import suite
from mutants import Mutant, all_mutants
from scratch import HIDDEN, MADE, REFUSED, SAME, Scratch

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.environ.get("LOGITD_SOURCE_DIR", os.path.dirname(os.path.dirname(HERE)))
BUILD = os.environ.get("LOGITD_BUILD_DIR", os.path.join(ROOT, ".build/release"))
SURVIVORS = os.path.join(HERE, "survivors.md")
SOURCES = ("golden", "mutation", "oracle", "peers", "sampler", "support")


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def fixed_mutants():
    for number, line in enumerate(read(os.path.join(HERE, "fixed.txt")).splitlines()):
        if not line or line.startswith("#"):
            continue
        file, before, after = line.split("\t")
        source = read(os.path.join(ROOT, file))
        found = re.findall(r"^ *" + re.escape(before) + "$", source, re.MULTILINE)
        if len(found) != 1:
            sys.exit(
                f"fixed.txt:{number + 1}: {file} has {len(found)} lines `{before}`:"
                " bring the list up to date"
            )
        begin = source.index(found[0]) + len(found[0]) - len(before)
        at = source.count("\n", 0, begin) + 1
        yield Mutant(
            f"fixed{number + 1}", file, at, "fixed", before,
            begin, begin + len(before), after,
        )  # fmt: skip


def sources():
    """What says whether a verdict still holds: the sampler and its tests."""
    digest = hashlib.sha256()
    for folder in ("sampler", *("tests/" + x for x in SOURCES)):
        for path in sorted(glob.glob(os.path.join(ROOT, folder, "**"), recursive=True)):
            if os.path.isfile(path) and not path.endswith(".md"):
                with open(path, "rb") as file:
                    digest.update(path.removeprefix(ROOT).encode() + file.read())
    return digest.hexdigest()[:16]


def verdicts_of(log):
    """{id: None or (stage, killer)} of what an earlier run printed."""
    if f"sources {sources()}\n" not in log:
        sys.exit("--resume: that log is of other sources, its verdicts say nothing")
    found = re.findall(r"^([0-9a-f]{8}) .*: (?:SURVIVED|(\w+): (.*))$", log, re.MULTILINE)
    return {id: (stage, killer) if stage else None for id, stage, killer in found}


class Run:
    def __init__(self, options, stages):
        self.stages, self.options = stages, options
        self.looks_again = stages == suite.STAGES
        self.lock = threading.Lock()
        self.results = []  # (mutant, None or (stage, killer))
        self.no_mutants = {REFUSED: 0, SAME: 0}
        self.known = verdicts_of(read(options.resume)) if options.resume else {}

    def work(self, scratch, bounds, queue):
        while True:
            with self.lock:
                enough = len(self.results) >= self.options.wanted
                mutant = None if enough else next(queue, None)
            if mutant is None:
                return
            if mutant.id in self.known:
                with self.lock:
                    self.results.append((mutant, self.known[mutant.id]))
                continue
            source = scratch.read_original(mutant.file)
            scratch.write(mutant.file, mutant.apply(source))
            built = scratch.make({mutant.file})
            if built == SAME and not mutant.is_seen_whole:
                built = HIDDEN
            killed = built == MADE and suite.judge(
                scratch.binary, ROOT, mutant.file, self.stages, bounds
            )
            if built in (MADE, HIDDEN) and not killed and self.looks_again:
                killed = suite.second_look(
                    scratch, ROOT, mutant.file, 2 * max(bounds.values())
                )
            scratch.write(mutant.file, source)
            self._restore(scratch, mutant.file)
            with self.lock:
                if built in self.no_mutants:
                    self.no_mutants[built] += 1
                elif len(self.results) < self.options.wanted:
                    self.results.append((mutant, killed))
                    verdict = "%s: %s" % killed if killed else "SURVIVED"
                    print(f"{mutant.describe(source)}: {verdict}", flush=True)

    @staticmethod
    def _restore(scratch, file):
        for name in sorted(scratch.commands):
            if name == file or file in scratch.needs[name]:
                scratch.stale.add(name)


def run(mutants, options, stages):
    state = Run(options, stages)
    with tempfile.TemporaryDirectory(prefix="mutation.") as folder:
        first = Scratch(ROOT, BUILD, os.path.join(folder, "0"))
        if not first.make_all(options.jobs):
            sys.exit("the unchanged sampler does not build")
        bounds = suite.measure(first.binary, ROOT, stages)
        scratches = [first] + [first.twin(i) for i in range(1, options.jobs)]
        queue = iter(mutants)
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            workers = [pool.submit(state.work, s, bounds, queue) for s in scratches]
            for worker in workers:
                worker.result()
    return state


def explained(all_ids):
    """The ids that survivors.md explains; all of them must be there."""
    ids = set()
    for line in read(SURVIVORS).splitlines():
        if line.startswith("- "):
            ids |= set(re.findall(r"`([0-9a-f]{8})`", line))
    gone = sorted(ids - all_ids)
    if gone:
        sys.exit("survivors.md explains what is no mutant any more: " + " ".join(gone))
    return ids


def report(state, options, explained):
    survivors = [m for m, killed in state.results if not killed]
    print("\nkilled by:")
    names = [stage[0] for stage in state.stages + suite.SECOND_LOOKS]
    for name in dict.fromkeys(names):
        count = sum(bool(k) and k[0] == name for _, k in state.results)
        print(f"  {name}: {count}")
    open_ones = [m for m in survivors if m.id not in explained]
    for mutant in survivors:
        mark = "SURVIVOR" if mutant in open_ones else "explained survivor"
        print(f"{mark}: {mutant.describe(read(os.path.join(ROOT, mutant.file)))}")
    total = len(state.results)
    by_time = sum(bool(k) and k[1] == "time" for _, k in state.results)
    print(f"{by_time} of them by time")
    print(f"{state.no_mutants[REFUSED]} more did not compile")
    print(f"{state.no_mutants[SAME]} more compile to the same code: nothing to notice")
    print(f"killed {total - len(survivors)} of {total} (seed {options.seed})")
    return open_ones


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, default=0)
    today = int(datetime.date.today().strftime("%Y%m%d"))
    parser.add_argument("--seed", type=int, default=today)
    parser.add_argument("--fixed", action="store_true")
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--resume", help="the output of a stopped run")
    parser.add_argument("--least", type=float, default=0.0, help="share to kill")
    parser.add_argument("--stages", nargs="*", default=[], help="these only")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    return parser.parse_args()


def main():
    options = parse()
    mutants = list(all_mutants(ROOT))
    known = explained({m.id for m in mutants})
    if options.fixed:
        chosen, stages = list(fixed_mutants()), suite.STAGES[:1]
    else:
        chosen, stages = mutants, suite.STAGES
    if options.stages:
        stages = [stage for stage in suite.STAGES if stage[0] in options.stages]
    if options.list:
        for mutant in chosen:
            print(mutant.describe(read(os.path.join(ROOT, mutant.file))))
        return 0
    if options.only:
        chosen = [m for m in chosen if m.id in options.only]
    elif not options.fixed:
        # By the ids: what is sampled stays so when other lines change.
        chosen.sort(key=lambda m: hashlib.sha256(f"{options.seed} {m.id}".encode()).digest())
    options.wanted = options.sample or len(chosen)
    print(f"sources {sources()}", flush=True)
    state = run(chosen, options, stages)
    open_ones = report(state, options, known)
    if options.fixed:
        return 1 if open_ones or any(state.no_mutants.values()) else 0
    killed = sum(bool(killed) for _, killed in state.results)
    enough = killed >= options.least * len(state.results)
    return 0 if enough and not open_ones else 1


if __name__ == "__main__":
    sys.exit(main())
