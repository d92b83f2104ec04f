"""The mutants of the sampler: one small change each, of the kinds that a slip of
a hand makes. The list is a function of the sources alone, in their order."""

import glob
import hashlib
import os
from typing import NamedTuple

import operators
from tokens import partners, tokenize

PATTERNS = (
    "sampler/*.cc", "sampler/*.h", "sampler/kernels/*.cc", "sampler/kernels/*.h",
)  # fmt: skip


class Mutant(NamedTuple):
    id: str  # of file, line's text, column and change: stable under moves
    file: str
    line: int
    operator: str
    before: str  # the line
    begin: int  # the characters of the file that `text` replaces
    end: int
    text: str

    @property
    def is_seen_whole(self):
        """Whether the sampler's objects are all that is made of the file: others
        read headers too, and kernels are compiled for more targets elsewhere."""
        return self.file.endswith(".cc") and "/kernels/" not in self.file

    def apply(self, source):
        return source[: self.begin] + self.text + source[self.end :]

    def describe(self, source):
        shown = self.text.strip() or "(nothing)"
        what = " ".join(source[self.begin : self.end].split())
        return (
            f"{self.id} {self.file}:{self.line} {self.operator}: "
            f"`{what}` -> `{shown}` in `{self.before}`"
        )


def mutants_of(file, source):
    tokens = tokenize(source)
    pairs = partners(tokens)
    seen = set()
    for name, begin, end, text in sorted(
        operators.changes(source, tokens, pairs), key=lambda c: (c[1], c[2], c[0], c[3])
    ):
        start = source.rfind("\n", 0, begin) + 1
        line = source[start : source.find("\n", begin)].strip()
        key = f"{file}|{line}|{begin - start}|{source[begin:end]}|{text}"
        number = 0
        while (key, number) in seen:
            number += 1
        seen.add((key, number))
        digest = hashlib.sha256(f"{key}|{number}".encode()).hexdigest()[:8]
        at = source.count("\n", 0, begin) + 1
        yield Mutant(digest, file, at, name, line, begin, end, text)


def all_mutants(root):
    for pattern in PATTERNS:
        for path in sorted(glob.glob(os.path.join(root, pattern))):
            name = os.path.relpath(path, root)
            with open(path, encoding="utf-8") as file:
                source = file.read()
            yield from mutants_of(name, source)
