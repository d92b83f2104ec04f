#!/usr/bin/env python3
"""Each rule of the five engines is answered: dialect_rows.tsv names cases and
tests for it that run now and pass, or words of the specification that leave it
out. No named case is there for nothing, and no row of the specification's own
tables of dialects is without a line.
"""

import os
import re
import sys
import tempfile

import semantics_table
import traps_test

ROOT = os.environ.get("LOGITD_SOURCE_DIR", os.getcwd())
BUILD = os.environ.get("LOGITD_BUILD_DIR", os.path.join(ROOT, ".build/release"))
SPEC, OUT = "SPEC ", "OUT "
OUT_MOST = 10
SUITE = "NamedDialect.IsKeptByTheSampler"
DIALECTS = {
    "V": "VLLM_V1", "H": "HUGGING_FACE_V1", "L": "LLAMA_CPP_V1", "G": "SGLANG_V1",
    "O": "OPENVINO_V1",
}  # fmt: skip
TABLES = {
    "order", "numbers", "knobs", "counts", "defects", "traps", "compat", "vectors",
    "rules", "lacking", "bugs",
}  # fmt: skip


# ---- the list ---------------------------------------------------------------


def lines_of_list():
    path = os.path.join(ROOT, "tests/sampler/dialect_rows.tsv")
    with open(path, encoding="utf-8") as file:
        lines = [x.rstrip("\n").split("\t") for x in file if not x.startswith("#")]
    return lines


def tests_in(engines, answer):
    """The full names of the tests that answer for these engines."""
    if answer.startswith((SPEC, OUT)):
        return []
    names = []
    for name in answer.split():
        if "." in name:
            names.append(name)
        else:
            names += [f"{SUITE}/{name}_{DIALECTS[e]}" for e in engines]
    return names


# ---- what ran ---------------------------------------------------------------


def run(tests):
    """{Suite.Test or Suite.Test/Instance: passed} of all named cases and these."""
    wanted = sorted({f"{SUITE}/*"} | {t for t in tests if not t.startswith(SUITE)})
    with tempfile.TemporaryDirectory() as folder:
        results = traps_test.run_program("sampler", wanted, folder)
    ran = {}
    for test, instances in results.items():
        for instance in instances:
            full = test + instance["name"].removeprefix(test.partition(".")[2])
            for name in {test, full}:
                passed = ran.get(name, True) and semantics_table.passed(instance)
                ran[name] = passed
    return ran


# ---- the specification ------------------------------------------------------


def table_behind(heading):
    """The rows of the first table behind a heading of the specification."""
    with open(os.path.join(ROOT, "sampler/README.md"), encoding="utf-8") as file:
        text = file.read().partition(f"\n### {heading}\n")[2].partition("\n#")[0]
    rows = [r.strip("| ").split(" | ") for r in text.splitlines() if r.startswith("|")]
    return rows[0], rows[2:]


def rows_of_specification():
    """(table, first words, engines) that lines must be there for."""
    for row in table_behind("Rules")[1]:
        yield "rules", row[0], set(DIALECTS)
    head, rows = table_behind("Knobs that an engine lacks")
    for row in rows:
        cells = zip(head[1:], row[1:], strict=True)
        yield "lacking", row[0], {
            e for e, cell in cells if not cell.startswith("own")
        }
    for row in table_behind("Bugs that are left out")[1]:
        engines = set(DIALECTS) if row[0] == "all" else set(row[0].split(", "))
        yield "bugs", row[1], engines


def faults_of_tables(lines):
    for table, words, engines in rows_of_specification():
        found = {
            e
            for line_engines, line_table, rule, _ in lines
            for e in line_engines
            if line_table == table
            and (words.startswith(rule) if table == "bugs" else words == rule)
        }
        for engine in sorted(engines - found):
            yield f"no line for {engine} and {table}: {words}"


# ---- all together -----------------------------------------------------------


def faults_of_line(engines, table, answer, ran):
    if table not in TABLES or not engines or not set(engines) <= set(DIALECTS):
        yield f"unknown table {table} or engines {engines}"
        return
    if answer.startswith(SPEC):
        if not traps_test.says("sampler/README.md", answer.removeprefix(SPEC)):
            yield f"sampler/README.md does not say {answer.removeprefix(SPEC)!r}"
    elif not answer.startswith(OUT):
        for name in tests_in(engines, answer):
            if name not in ran:
                yield f"no test {name} ran"
            elif not ran[name]:
                yield f"{name} failed"


def main():
    if not os.path.exists(os.path.join(BUILD, "bin/sampler_test")):
        print("cannot tell before sampler_test is built")
        return 77
    lines = lines_of_list()
    used = {t for engines, _, _, answer in lines for t in tests_in(engines, answer)}
    ran = run(used)
    faults = []
    for engines, table, rule, answer in lines:
        for fault in faults_of_line(engines, table, answer, ran):
            faults.append(f"{engines} {table}, {rule}: {fault}")
    for name in sorted(ran):
        if re.match(re.escape(SUITE) + "/", name) and name not in used:
            faults.append(f"{name} is in no line")
    faults += faults_of_tables(lines)
    outs = sum(answer.startswith(OUT) for *_, answer in lines)
    if outs > OUT_MOST:
        faults.append(f"{outs} rules are no matter of a dialect, {OUT_MOST} may be")
    specs = sum(answer.startswith(SPEC) for *_, answer in lines)
    cases = sum(name.startswith(SUITE + "/") for name in ran)
    print("\n".join(faults))
    print(
        f"{len(lines)} rules of engines, {cases} named cases ran, {specs} rules left "
        f"out by the specification, {outs} no matter of a dialect, {len(faults)} faults"
    )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
