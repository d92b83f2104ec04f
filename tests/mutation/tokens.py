"""A C++ file as tokens: enough to change one of them and nothing in a comment,
a string or a preprocessor line."""

import re
from typing import NamedTuple

PATTERN = re.compile(
    r"""
    (?P<skip>//[^\n]*|/\*.*?\*/|^[ \t]*\#(?:[^\n\\]|\\.|\\\n)*|\s+)
  | (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)+')
  | (?P<number>0[xX][0-9a-fA-F.']+(?:[pP][+-]?[0-9]+)?[a-zA-Z]*
      |(?:[0-9][0-9.']*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[a-zA-Z]*)
  | (?P<name>[A-Za-z_]\w*)
  | (?P<op><<=|>>=|->|::|\+\+|--|<=|>=|==|!=|&&|\|\||<<|>>|[-+*/%&|^]=|.)
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
CLOSING = {"(": ")", "[": "]", "{": "}"}


class Token(NamedTuple):
    kind: str
    text: str
    begin: int
    end: int


def tokenize(text):
    found = []
    for match in PATTERN.finditer(text):
        if match.lastgroup != "skip":
            found.append(
                Token(match.lastgroup, match.group(), match.start(), match.end())
            )
    return found


def partners(tokens):
    """Index of each bracket's partner, both ways."""
    found, open_ones = {}, []
    for i, token in enumerate(tokens):
        if token.kind != "op":
            continue
        if token.text in CLOSING:
            open_ones.append(i)
        elif token.text in CLOSING.values() and open_ones:
            found[open_ones[-1]] = i
            found[i] = open_ones.pop()
    return found
