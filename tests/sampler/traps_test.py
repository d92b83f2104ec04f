#!/usr/bin/env python3
"""Each of the 73 known traps of samplers is answered: traps.tsv names a test for
it that is built, or words of the specification where no test can say more.

A name is `Suite.Test`, with a room before it (`client:Suite.Test`) where two
rooms have it; instances of one test count as it. NEEDED is a test that has yet
to be written: the trap is open, and this test fails.
"""

import os
import re
import subprocess
import sys

ROOT = os.environ.get("LOGITD_SOURCE_DIR", os.getcwd())
BUILD = os.environ.get("LOGITD_BUILD_DIR", os.path.join(ROOT, ".build/release"))
COUNT, SPEC_MOST = 73, 15


def built_tests():
    """The names that ctest knows, as (room, name), and the rooms not built."""
    text = subprocess.run(
        ["ctest", "-N", "--test-dir", BUILD],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    tests = re.findall(r"Test\s+#\d+: (\w+)/(\S+)", text)
    return tests, re.findall(r"Test\s+#\d+: (\w+)_NOT_BUILT", text)


def exists(wanted, tests):
    room, _, name = wanted.rpartition(":")
    pattern = re.compile(r"(^|/)" + re.escape(name) + r"($|/)")
    return any(r == (room or r) and pattern.search(n) for r, n in tests)


def says(path, words):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        text = re.sub(r"//|#", " ", file.read())
    return " ".join(words.split()) in " ".join(text.split())


def faults_of(answer, tests):
    if answer.startswith("NEEDED "):
        name = answer.removeprefix("NEEDED ")
        if exists(name, tests):
            yield f"{name} is there: take NEEDED away"
        else:
            yield f"open, {name} has yet to be written"
    elif answer.startswith("SPEC "):
        path, _, words = answer.removeprefix("SPEC ").partition(": ")
        if not words or not says(path, words):
            yield f"{path} does not say {words!r}"
    else:
        for name in answer.split():
            if not exists(name, tests):
                yield f"no test {name}"


def main():
    with open(os.path.join(ROOT, "tests/sampler/traps.tsv"), encoding="utf-8") as file:
        lines = [x.rstrip("\n") for x in file if not x.startswith("#")]
    traps = [line.split("\t") for line in lines]
    tests, not_built = built_tests()
    if not_built:
        print("cannot tell before these are built:", *not_built)
        return 77
    faults = []
    if [t[0] for t in traps] != [str(i + 1) for i in range(COUNT)]:
        faults.append(f"the numbers are not 1 to {COUNT}, each once")
    for number, title, answer in traps:
        for fault in faults_of(answer, tests):
            faults.append(f"{number} ({title}): {fault}")
    specs = sum(t[2].startswith("SPEC ") for t in traps)
    if specs > SPEC_MOST:
        faults.append(f"{specs} traps are answered by words, {SPEC_MOST} may be")
    print("\n".join(faults))
    needed = sum(t[2].startswith("NEEDED ") for t in traps)
    print(f"{len(traps)} traps, {needed} open, {specs} answered by words alone")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
