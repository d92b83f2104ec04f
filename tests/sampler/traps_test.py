#!/usr/bin/env python3
"""Each of the 73 known traps of samplers is answered: traps.tsv names tests, which
this script runs, and which must pass; or words of the specification where no
test can say more.

A name is `Suite.Test`, all its instances, or `Suite.Test/Some_*`, those; with a
room before it (`client:Suite.Test`) where two rooms have it. `room:name` is a
script of that room. A test that is not there, fails, is skipped or disabled
answers nothing. NEEDED is a test that has yet to be written: the trap is open.
"""

import concurrent.futures
import fnmatch
import glob
import os
import re
import subprocess
import sys
import tempfile

import semantics_table

ROOT = os.environ.get("LOGITD_SOURCE_DIR", os.getcwd())
BUILD = os.environ.get("LOGITD_BUILD_DIR", os.path.join(ROOT, ".build/release"))
COUNT, SPEC_MOST = 73, 15


# ---- which tests there are --------------------------------------------------


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


def rooms_of(wanted, tests):
    """The rooms that have a test of this name."""
    room, _, name = wanted.rpartition(":")
    name = name.partition("/")[0]
    pattern = re.compile(r"(^|/)" + re.escape(name) + r"($|/)")
    return {r for r, n in tests if r == (room or r) and pattern.search(n)}


def exists(wanted, tests):
    return bool(rooms_of(wanted, tests))


# ---- what became of them ----------------------------------------------------


def filter_of(names):
    """GoogleTest's filter for them, whatever they are instances of."""
    every = "{0}:{0}/*:*/{0}:*/{0}/*"
    return ":".join(n if "/" in n else every.format(n) for n in names)


def run_program(room, names, folder):
    """{Suite.Test: its instances} of the room's program; {} if it crashed."""
    results = os.path.join(folder, room + ".json")
    # The numbers of --long are for the tests' own run.
    left_out = ("GTEST_", "LOGITD_LONG")
    env = {k: v for k, v in os.environ.items() if not k.startswith(left_out)}
    subprocess.run(
        [
            os.path.join(BUILD, "bin", room + "_test"),
            "--gtest_filter=" + filter_of(names),
            "--gtest_output=json:" + results,
        ],
        cwd=ROOT,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return semantics_table.results_in([results]) if os.path.exists(results) else {}


def run_script(room, name):
    """The same of a script."""
    path = glob.glob(os.path.join(ROOT, "tests", room, name + ".*"))[0]
    interpreter = "/usr/bin/python3" if path.endswith(".py") else "bash"
    env = {**os.environ, "LOGITD_SOURCE_DIR": ROOT, "LOGITD_BUILD_DIR": BUILD}
    code = subprocess.run(
        [interpreter, path], cwd=ROOT, env=env, capture_output=True
    ).returncode
    instance = {"name": name, "result": "SKIPPED" if code == 77 else "COMPLETED"}
    if code not in (0, 77):
        instance["failures"] = [f"exit code {code}"]
    return {name: [instance]}


def run_all(wanted, tests):
    """{room: {name: instances}} of all that are wanted."""
    programs, runs = {}, []
    with tempfile.TemporaryDirectory() as folder:
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for one in sorted(wanted):
                name = one.rpartition(":")[2]
                for room in rooms_of(one, tests):
                    if "." in name:
                        programs.setdefault(room, []).append(name)
                    else:
                        runs.append((room, pool.submit(run_script, room, name)))
            for room, names in programs.items():
                runs.append((room, pool.submit(run_program, room, names, folder)))
        results = {}
        for room, run in runs:
            results.setdefault(room, {}).update(run.result())
    return results


def instances_of(name, results):
    """Those of one room's that the name means."""
    test, _, some = name.partition("/")
    found = results.get(test, [])
    if some:
        found = [i for i in found if fnmatch.fnmatch(i["name"], "*/" + some)]
    return found


def faults_of_the_test(wanted, tests, results):
    rooms = rooms_of(wanted, tests)
    if not rooms:
        yield f"no test {wanted}"
    for room in sorted(rooms):
        found = instances_of(wanted.rpartition(":")[2], results.get(room, {}))
        if not found:
            yield f"{wanted} did not run in {room}"
        for instance in found:
            if not semantics_table.passed(instance):
                state = "failed" if "failures" in instance else instance["result"]
                yield f"{wanted}: {instance['name']} of {room}: {state}"


# ---- the list ---------------------------------------------------------------


def says(path, words):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        text = re.sub(r"//|#", " ", file.read())
    return " ".join(words.split()) in " ".join(text.split())


def names_in(answer):
    return [] if answer.startswith(("NEEDED ", "SPEC ")) else answer.split()


def faults_of(answer, tests, results):
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
    for name in names_in(answer):
        yield from faults_of_the_test(name, tests, results)


def faults_of_the_check():
    """That a test which did not run and pass is noticed, on results made up."""
    tests = [("a", "S.T/X_1"), ("a", "S.T/X_2"), ("a", "S.T/Y_1"), ("b", "script")]
    good = {"name": "T/X_1", "result": "COMPLETED"}
    other = {"name": "T/Y_1", "result": "COMPLETED"}
    cases = [
        ("S.T", [good, other], True),
        ("a:S.T/X_*", [good, dict(other, failures=["f"])], True),
        ("S.T", [good, dict(other, failures=["f"])], False),
        ("S.T", [good, dict(other, result="SKIPPED")], False),
        ("S.T", [good, dict(other, result="SUPPRESSED")], False),
        ("S.T/Y_*", [good], False),
        ("S.T", [], False),
        ("b:S.T", [good], False),
        ("S.Another", [good], False),
    ]
    for name, instances, is_good in cases:
        found = list(faults_of(name, tests, {"a": {"S.T": instances}}))
        if is_good == bool(found):
            yield f"the check of {name} on {instances} says {found}"


def main():
    with open(os.path.join(ROOT, "tests/sampler/traps.tsv"), encoding="utf-8") as file:
        lines = [x.rstrip("\n") for x in file if not x.startswith("#")]
    traps = [line.split("\t") for line in lines]
    tests, not_built = built_tests()
    if not_built:
        print("cannot tell before these are built:", *not_built)
        return 77
    faults = list(faults_of_the_check())
    if [t[0] for t in traps] != [str(i + 1) for i in range(COUNT)]:
        faults.append(f"the numbers are not 1 to {COUNT}, each once")
    wanted = {name for trap in traps for name in names_in(trap[2])}
    results = run_all(wanted, tests)
    for number, title, answer in traps:
        for fault in faults_of(answer, tests, results):
            faults.append(f"{number} ({title}): {fault}")
    specs = sum(t[2].startswith("SPEC ") for t in traps)
    if specs > SPEC_MOST:
        faults.append(f"{specs} traps are answered by words, {SPEC_MOST} may be")
    print("\n".join(faults))
    needed = sum(t[2].startswith("NEEDED ") for t in traps)
    ran = sum(len(i) for room in results.values() for i in room.values())
    print(
        f"{len(traps)} traps, {needed} open, {specs} answered by words alone; "
        f"{len(wanted)} tests named, {ran} instances ran"
    )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
