#!/usr/bin/env python3
"""deploy/README.md: its flags, arithmetic and paths are true.

usage: readme_test.py [--write]   --write puts the flags of this build into it
"""

import re
import sys
import unittest

import manifests
import room

README = room.SOURCE / "deploy/README.md"
BEGIN, END = "<!-- flags: begin -->\n", "<!-- flags: end -->"
# What numbers in prose are rounded to.
TOLERANCE = 0.01


def flags():
    """(flag, value and default, help) for each flag, as --help has them."""
    entry = r"(?m)^  --(\w+)(?: ([A-Z][A-Z:]*(?:=\S*)?)(?=\s))?\s+(\S[^\n]*)$"
    return re.findall(entry, room.help_of("logitd").split("Options:")[1])


def table():
    rows = ["| flag | value=default | |", "|---|---|---|"]
    for name, value, text in flags():
        shown = f"`{value}`" if value else ""
        rows.append(f"| `--{name}` | {shown} | {text.replace('|', chr(92) + '|')} |")
    return "\n".join(rows) + "\n"


def write():
    before, rest = README.read_text().split(BEGIN)
    README.write_text(before + BEGIN + table() + END + rest.split(END)[1])


def sums():
    """(expression, claimed result) of everything that reads like `2 x 3 = 6`."""
    text = README.read_text()
    pattern = r"((?:[(]?\d[\d.e]*[)]?\s[x/+]\s)+[\d(][\d.e x/+()]*)\s*=\s+([\d.]*\d)"
    for expression, result in re.findall(pattern, text):
        yield expression, float(result)


def evaluate(expression):
    if not re.fullmatch(r"[\d.e\sx/+()]+", expression):
        raise AssertionError(expression)
    words = " ".join(expression.split()).replace(" x ", " * ")
    return eval(words, {"__builtins__": {}})  # digits and operators only


class Readme(unittest.TestCase):
    def test_has_every_flag_as_the_program_tells_it(self):
        found = README.read_text().split(BEGIN)[1].split(END)[0]
        self.assertEqual(found, table(), "run tests/deploy/readme_test.py --write")
        self.assertEqual(
            {name for name, _, _ in flags()}, room.flags_of("logitd") - {"help"}
        )

    def test_calculates_rightly(self):
        checked = list(sums())
        self.assertGreaterEqual(len(checked), 18)
        for expression, claimed in checked:
            with self.subTest(expression):
                ratio = evaluate(expression) / claimed
                self.assertAlmostEqual(ratio, 1, delta=TOLERANCE)

    def test_sizes_are_those_of_the_manifests(self):
        for folder, shape in (("base", "sidecar"), ("overlays/pool", "pool")):
            _, template = next(manifests.pods(manifests.render(folder)))
            container = next(
                c for c in manifests.containers(template) if c["name"] == "logitd"
            )
            given = manifests.environment(container)
            used = {name.removeprefix("LOGITD_").lower(): v for name, v in given.items()}
            limit = manifests.bytes_of(container["resources"]["limits"]["memory"])
            line = (
                f"{shape}: {used['max_streams']} x "
                f"{manifests.bytes_of(used['max_step_bytes']) >> 20} + "
                f"{manifests.unanswered_bytes(used) >> 20} = "
                f"{manifests.waiting_bytes(used) >> 20} MiB, "
                f"in a limit of {limit >> 20} MiB"
            )
            self.assertIn(line, README.read_text())

    def test_names_what_is_there(self):
        text = README.read_text()
        for path in set(re.findall(r"\b((?:deploy|tests|service)/[\w./-]*\w)", text)):
            self.assertTrue((room.SOURCE / path).exists(), path)
        named = set(re.findall(r"`((?:components|overlays)/[\w-]+|base)`", text))
        components = (manifests.KUSTOMIZE / "components").iterdir()
        there = {f"components/{p.name}" for p in components}
        self.assertEqual(named, there | set(manifests.folders()))

    def test_names_the_secrets_that_the_manifests_need(self):
        for secret in manifests.SECRETS:
            self.assertIn(f"create secret generic {secret} ", README.read_text())


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        write()
    else:
        room.main()
