#!/usr/bin/env python3
"""knob_tests.tsv names a test that is built for each field of the parameters; and
the table of tests/semantics_table.sh is empty where a test is missing.

A field whose comment says "Not built yet" may wait for its test.
"""

import sys

import semantics_table
import traps_test

COLUMN = {name: i for i, name in enumerate(semantics_table.COLUMNS)}


def faults_of_the_list(fields, directions, tests):
    names = [name for name, _ in fields]
    for name in names:
        if name not in directions:
            yield f"knob_tests.tsv has no {name}"
    for name, test in directions.items():
        if name not in names:
            yield f"{name} is no field of the parameters"
        if not traps_test.exists(test, tests):
            yield f"{name}: no test {test}"


def instance(**properties):
    return {"result": "COMPLETED", **properties}


def lines(knobs, text):
    return "\n".join(f"{knob}={text}" for knob in knobs)


def a_run(knobs, directions):
    """What GoogleTest would write of a run that filled every cell."""
    tests = {directions[knob]: [instance(), instance()] for knob in knobs}
    tests["A.Range"] = [instance(range=lines(knobs, "[0, 1]"))]
    tests["A.OffValue"] = [instance(off=lines(knobs, "0"))]
    tests["An.Oracle"] = [instance(oracle=lines(knobs, "10 1e-07"))]
    for name, of_it in by_textbook(knobs).items():
        if name != semantics_table.OWN:
            told = lines(of_it, "10 1e-07")
            tests[f"A.{name}"] = [instance(textbook=told, dialect=name)]
    return tests


def by_textbook(knobs):
    """{textbook: the knobs that it must judge}, as knob_dialects.tsv says."""
    judged = {}
    for knob, names in semantics_table.listed("knob_dialects.tsv").items():
        for name in names.split():
            if knob in knobs:
                judged.setdefault(name, []).append(knob)
    return judged


def empty_cells(fields, tests, directions):
    table = semantics_table.table_of(fields, tests, directions)
    columns = semantics_table.COLUMNS
    return {(row[0], columns[i]) for row in table for i in COLUMN.values() if not row[i]}


def faults_of_the_table(knobs, directions):
    """Each test in turn is deleted, fails or is skipped: its cells, no others."""
    fields = [(knob, "Optional. Source: a paper.") for knob in knobs]
    cells = {"A.Range": ["range"], "A.OffValue": ["off value"]}
    cells["An.Oracle"] = ["rows compared", "worst error"]
    judged = by_textbook(knobs)
    judges = {f"A.{name}": of_it for name, of_it in judged.items()}
    judges["An.Oracle"] = judged[semantics_table.OWN]
    run = a_run(knobs, directions)
    if empty_cells(fields, run, directions):
        yield "a table that is full has empty cells"
    for test in run:
        turned = [k for k in knobs if directions[k] == test] or knobs
        own = [] if test.startswith("A.") and test in judges else ["direction test"]
        wanted = {(k, c) for k in turned for c in cells.get(test, own)}
        wanted |= {(k, "dialects") for k in judges.get(test, [])}
        broken = [dict(run[test][0], failures=["a"])] + run[test][1:]
        skipped = [dict(run[test][0], result="SKIPPED")] + run[test][1:]
        for instances in (None, broken, skipped):
            others = {n: i for n, i in run.items() if n != test}
            if instances:
                others[test] = instances
            if empty_cells(fields, others, directions) != wanted:
                yield f"without {test} other cells are empty than its own"
    bare = [(knobs[0], "Optional."), *fields[1:]]
    if empty_cells(bare, run, directions) != {(knobs[0], "source")}:
        yield "a source that is missing does not empty its cell"


def main():
    fields = semantics_table.fields_of(semantics_table.describe())
    directions = semantics_table.direction_tests()
    tests, not_built = traps_test.built_tests()
    if "sampler_test" in not_built:
        print("cannot tell before sampler_test is built")
        return 77
    faults = list(faults_of_the_list(fields, directions, tests))
    faults += faults_of_the_table([n for n, _ in fields if n in directions], directions)
    print("\n".join(faults))
    print(f"{len(fields)} knobs, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
