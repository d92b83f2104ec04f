"""Makes the table of tests/semantics_table.sh, which says what its columns are.

usage: semantics_table.py --filter         the tests of sampler_test to run
       semantics_table.py RESULTS.json...  the table of what GoogleTest wrote

Tests write down what they found out as properties, a line for each knob:
  range, off         "top_p=(0, 1]"
  oracle, textbook   "top_p=2411 3.2e-07": rows, worst error; the second with
                     `dialect`, the name of whose textbook it was
"""

import ast
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MESSAGE = "SamplingParams"
# Suites that write down more than that they passed.
RECORDERS = [
    "Agreement", "DialectTest", "Ends", "Knobs", "OffValues", "Params", "SchedulesRefused",
    "ThinkingBudgets",
]  # fmt: skip
COLUMNS = [
    "knob", "range", "off value", "source", "rows compared", "worst error",
    "direction test", "dialects",
]  # fmt: skip
OWN = "logitd/1"  # the semantics that the oracle is the textbook of
CHAIN = "llama.cpp"  # the engine itself


# ---- the contract -----------------------------------------------------------


def parse(lines):
    """A message in protobuf's text format as {name: [value, ...]}."""
    message = {}
    for line in lines:
        line = line.strip()
        if line == "}":
            break
        if line.endswith("{"):
            message.setdefault(line[:-1].strip(), []).append(parse(lines))
        else:
            name, _, value = line.partition(": ")
            message.setdefault(name, []).append(value)
    return message


def describe():
    """The descriptor of params.proto, compiled now."""
    described = subprocess.run(
        ["protoc", "-I", os.path.join(ROOT, "proto"), "--include_source_info",
         "-o", "/dev/stdout", "logitd/v1/params.proto"],
        check=True, capture_output=True,
    ).stdout  # fmt: skip
    text = subprocess.run(
        ["protoc", "-I", "/usr/include", "--decode=google.protobuf.FileDescriptorSet",
         "google/protobuf/descriptor.proto"],
        input=described, check=True, capture_output=True,
    ).stdout  # fmt: skip
    return parse(iter(text.decode().splitlines()))["file"][0]


def fields_of(file):
    """(name, comment) of each field of the parameters."""
    names = [ast.literal_eval(m["name"][0]) for m in file["message_type"]]
    index = names.index(MESSAGE)
    comments = {}
    for location in file["source_code_info"][0]["location"]:
        path = [int(step) for step in location.get("path", [])]
        if len(path) == 4 and path[:3] == [4, index, 2]:
            text = ast.literal_eval(location.get("leading_comments", ['""'])[0])
            comments[path[3]] = " ".join(text.split())
    fields = file["message_type"][index]["field"]
    return [
        (ast.literal_eval(f["name"][0]), comments.get(i, ""))
        for i, f in enumerate(fields)
    ]


def source_in(comment):
    found = re.search(r"\bSource: (.+)\.$", comment)
    return found.group(1) if found else ""


# ---- the tests --------------------------------------------------------------


def listed(name):
    """{knob: text} of a list of tests/sampler."""
    path = os.path.join(ROOT, "tests/sampler", name)
    with open(path, encoding="utf-8") as file:
        lines = [line.rstrip("\n") for line in file if not line.startswith("#")]
    return dict(line.split("\t") for line in lines)


def direction_tests():
    return listed("knob_tests.tsv")


def expected_textbooks(tests):
    """{knob: names}. The chain counts only where it could be fetched."""
    skipped = any(
        i["result"] == "SKIPPED" for n, all in tests.items() if "Chain" in n for i in all
    )
    without = {CHAIN} if skipped else set()
    return {
        knob: set(names.split()) - without
        for knob, names in listed("knob_dialects.tsv").items()
    }


def sampler_filter():
    tests = sorted(set(direction_tests().values()))
    return ":".join(
        [f"{suite}.*" for suite in RECORDERS] + [f"{t}:{t}/*" for t in tests]
    )


def results_in(paths):
    """What ran: {Suite.Test: its instances}, whatever they are instances of."""
    tests = {}
    for path in paths:
        with open(path, encoding="utf-8") as file:
            suites = json.load(file)["testsuites"]
        for instance in (test for suite in suites for test in suite["testsuite"]):
            suite = instance["classname"].rpartition("/")[2]
            name = instance["name"].partition("/")[0]
            tests.setdefault(f"{suite}.{name}", []).append(instance)
    return tests


def passed(instance):
    return instance["result"] == "COMPLETED" and "failures" not in instance


def written(tests, key):
    """(knob, text, instance) for all that tests that passed wrote down."""
    for instance in (i for instances in tests.values() for i in instances):
        if passed(instance):
            for line in instance.get(key, "").splitlines():
                knob, _, text = line.partition("=")
                yield knob, text, instance


# ---- the table --------------------------------------------------------------


def compared(tests):
    """{knob: rows}, {knob: worst error}, {knob: textbooks}, of all records."""
    rows, errors, textbooks = {}, {}, {}
    for key in ("oracle", "textbook"):
        for knob, text, instance in written(tests, key):
            count, error = text.split()
            textbooks.setdefault(knob, set()).add(instance.get("dialect", OWN))
            if key == "oracle":
                rows[knob] = rows.get(knob, 0) + int(count)
                errors[knob] = max(errors.get(knob, 0), float(error))
    return rows, errors, textbooks


def table_of(fields, tests, directions):
    """The rows; a cell that no test filled is empty."""
    ranges = {knob: text for knob, text, _ in written(tests, "range")}
    off = {knob: text for knob, text, _ in written(tests, "off")}
    rows, errors, textbooks = compared(tests)
    expected = expected_textbooks(tests)
    table = []
    for knob, comment in fields:
        test = directions.get(knob, "")
        ran = test in tests and all(passed(i) for i in tests[test])
        names = textbooks.get(knob, set())
        if not expected.get(knob, {""}) <= names:
            names = set()  # a comparison that should be there is not
        table.append([
            knob,
            ranges.get(knob, ""),
            off.get(knob, ""),
            source_in(comment),
            str(rows.get(knob, "")),
            f"{errors[knob]:.1e}".replace("0.0e+00", "0") if knob in errors else "",
            test if ran else "",
            " ".join(sorted(names, key=lambda n: (n != OWN, n))),
        ])  # fmt: skip
    return table


def complete(table):
    return sum(all(cells) for cells in table)


def show(table):
    lines = [COLUMNS] + table
    widths = [max(len(line[i]) for line in lines) for i in range(len(COLUMNS))]
    lines.insert(1, ["-" * width for width in widths])
    for cells in lines:
        padded = [cell.ljust(width) for cell, width in zip(cells, widths)]
        print("| " + " | ".join(padded) + " |")


def main(arguments):
    if arguments == ["--filter"]:
        print(sampler_filter())
        return 0
    if not arguments or arguments[0].startswith("-"):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    tests = results_in(arguments)
    table = table_of(fields_of(describe()), tests, direction_tests())
    show(table)
    bad = [n for n, instances in tests.items() if any("failures" in i for i in instances)]
    for name in bad:
        print(f"FAILED: {name}: what it would have filled is empty")
    for name, instances in tests.items():
        if any(i["result"] == "SKIPPED" for i in instances):
            print(f"NOT EXECUTED: {name}")
    print(f"complete: {complete(table)} of {len(table)} knobs")
    return 0 if complete(table) == len(table) and not bad else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
