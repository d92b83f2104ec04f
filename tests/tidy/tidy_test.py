#!/usr/bin/env python3
"""The house rules, checked over the whole tree. rules.py has them.

usage: tidy_test.py [--help] [PATH...]   only the files under these paths
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import rules
import source

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def prepare(sources):
    """Tells each source what a rule must know of the others."""
    paths = {s.path for s in sources}
    for s in sources:
        s.has_header = s.path[: -len(".cc")] + ".h" in paths


def findings(sources, wanted=lambda path: True):
    """Yields (path, line, rule, message) for everything that breaks a rule."""
    prepare(sources)
    cmake = [s.text for s in sources if s.path == "tests/CMakeLists.txt"]
    rooms = rules.rooms_of(cmake[0]) if cmake else set()
    for s in sources:
        if not wanted(s.path):
            continue
        for rule in rules.RULES:
            extra = (rooms,) if rule is rules.registered_tests else ()
            for line, message in rule(s, *extra):
                yield s.path, line, rule.__name__, message


def main(arguments):
    if arguments and arguments[0] in ("-h", "--help"):
        print(__doc__.strip())
        return 0
    folders = [os.path.relpath(os.path.abspath(a), ROOT) for a in arguments]

    def wanted(path):
        return not folders or any(
            f == "." or path == f or path.startswith(f + "/") for f in folders
        )

    sources = source.load(ROOT)
    broken = 0
    for path, line, rule, message in findings(sources, wanted):
        broken += 1
        print(f"{path}:{line}: [{rule}] {message}")
    cpp = [s for s in sources if s.is_cpp and wanted(s.path)]
    above = [s.path for s in cpp if len(s.lines) > rules.FILE_AIM]
    print(
        f"{len(sources)} files, {len(rules.RULES)} rules, {broken} findings; "
        f"{len(above)} of {len(cpp)} C++ files above the aim of "
        f"{rules.FILE_AIM} lines"
    )
    if not cpp and not folders:
        print("no C++ file was read: this test would prove nothing")
        return 1
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
