"""The files that the house rules look at, and how to read C++ roughly.

Knows no rule. A Source is one text file; code() is its C++ with comments and
literals blanked, line by line, so that rules see only what compiles.
"""

import functools
import os
import re
import subprocess

# One alternative per thing that may hide another: the first match wins.
_TOKEN = re.compile(
    r'(?P<raw>R"(?P<d>[^()\\\s]{0,16})\(.*?\)(?P=d)")'
    r"|(?P<comment>//[^\n]*|/\*.*?\*/)"
    r'|(?P<string>"(?:[^"\\\n]|\\.)*")'
    r"|(?P<number>\b\d[\w.]*(?:'[\w.]+)+)"
    r"|(?P<char>'(?:[^'\\\n]|\\.)+')",
    re.S,
)


def _blank(text):
    return re.sub(r"[^\n]", " ", text)


class Source:
    """One text file: its path relative to the root, and its text."""

    def __init__(self, path, text, mode=0o644):
        self.path = path
        self.text = text
        self.mode = mode

    @property
    def lines(self):
        return self.text.splitlines()

    @property
    def is_cpp(self):
        return self.path.endswith((".h", ".cc"))

    @functools.cached_property
    def code(self):
        """The C++ text without comments and literals; same lines."""

        def replace(match):
            if match.lastgroup == "number":
                return match.group()
            if match.lastgroup in ("string", "raw", "d"):
                blanked = _blank(match.group())
                return '"' + blanked[1:-1] + '"'
            return _blank(match.group())

        # An include's path is kept: it looks like a string.
        kept = re.sub(r'(?m)^(\s*#\s*include\s*)"([^"\n]*)"', r"\1<\2>", self.text)
        return _TOKEN.sub(replace, kept)

    @functools.cached_property
    def comments(self):
        """Only the comments; same lines."""

        def replace(match):
            if match.lastgroup == "comment":
                return match.group()
            return _blank(match.group())

        result, end = [], 0
        for match in _TOKEN.finditer(self.text):
            result.append(_blank(self.text[end : match.start()]))
            result.append(replace(match))
            end = match.end()
        return "".join(result) + _blank(self.text[end:])

    def includes(self):
        """Yields (line number, path) for each #include."""
        pattern = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')
        for number, line in enumerate(self.lines, 1):
            match = pattern.match(line)
            if match:
                yield number, match.group(1)


def _listed(root):
    """Paths of the work tree: what git tracks or would, else what is there."""
    git = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=root,
        capture_output=True,
        check=False,
    )
    if git.returncode == 0:
        return [p for p in git.stdout.decode().split("\0") if p]
    found = []
    for folder, folders, files in os.walk(root):
        folders[:] = [f for f in folders if f not in (".git", ".build")]
        found += [os.path.relpath(os.path.join(folder, f), root) for f in files]
    return found


def load(root):
    """Every text file of the tree, by path."""
    sources = []
    for path in sorted(set(_listed(root))):
        full = os.path.join(root, path)
        if os.path.islink(full) or not os.path.isfile(full):
            continue
        with open(full, "rb") as file:
            content = file.read()
        if b"\0" in content:
            continue
        text = content.decode("utf-8", errors="replace")
        sources.append(Source(path, text, os.stat(full).st_mode))
    return sources


def _kind(header):
    """What an opening brace at scope level begins, from the text before it:
    a scope, a function, a member's initializer, or the value of a variable."""
    header = re.sub(r"\s+", " ", header).strip()
    header = re.sub(r"^template ?<[^(){}]*> ?(?=\w|\[)", "", header)
    header = re.sub(r"^(\[\[[^\]]*\]\] ?|inline )+", "", header)
    if re.match(r"(namespace|class|struct|union|enum|extern \")", header):
        return "scope"
    if "(" not in header:
        return "value"
    flat = header  # default arguments hide their "=" in parentheses
    while re.search(r"\([^()]*\)", flat):
        flat = re.sub(r"\([^()]*\)", "", flat)
    if "=" in flat and "operator" not in flat:
        return "value"
    if re.search(r"\) ?(noexcept ?)?:(?!:)[^;]*[\w>]$", header):
        return "member"
    return "function"


def functions(source):
    """Yields (first line, last line, signature) of each function body.

    A rough reader: it knows scopes and initializer lists, not macros that open
    a brace of their own. Lambdas count as lines of the function around them.
    """
    code = re.sub(
        r"(?m)^[ \t]*#(?:[^\n\\]|\\.|\\\n)*",
        lambda match: _blank(match.group()),
        source.code,
    )
    stack = []  # (kind, first line, signature) of each open brace
    line = 1
    start, first = 0, 0  # where the text before the next brace begins
    for index, char in enumerate(code):
        if char == "\n":
            line += 1
        if char.isspace():
            continue
        first = first or line
        at_scope = not stack or stack[-1][0] == "scope"
        ends = False
        if char == "{":
            header = code[start:index]
            kind = _kind(header) if at_scope else "block"
            stack.append((kind, first, header))
            ends = kind in ("scope", "function")
        elif char == "}" and stack:
            kind, begin, header = stack.pop()
            if kind == "function":
                yield begin, line, re.sub(r"\s+", " ", header).strip()
            ends = kind in ("scope", "function")
        elif char == ";":
            ends = at_scope
        elif char == ":" and at_scope:
            word = code[start:index].strip()
            ends = word in ("public", "private", "protected")
        if ends:
            start, first = index + 1, 0
