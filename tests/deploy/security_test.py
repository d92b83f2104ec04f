#!/usr/bin/env python3
""".github/SECURITY.md: its tests, files, flags, libraries and versions are true."""

import fnmatch
import functools
import gzip
import pathlib
import re
import shutil
import unittest

import room

PAGE = room.SOURCE / ".github/SECURITY.md"
THREATS = ["threat", "what logitd does", "shown by"]
PACKAGES = ["libraries", "package", "upstream", "looked at", "in logitd"]
FAULTS = ["fault", "ours", "Debian", "found", "in logitd, and what to do"]
OURS = {"affected", "fixed", "not affected", "unconfirmed"}
FOUND = {"tested", "source", "advisory", "changelog"}
HEADERS_ONLY = "headers only"
FAULT_ID = r"\bCVE-\d{4}-\d{4,}\b"
LOADER = r"ld-linux|linux-vdso"
# Packages are named in the heading above their faults.
PACKAGE_ID = r"`(lib[\w.+-]+|zlib1g)`"


@functools.lru_cache(None)
def text():
    return PAGE.read_text()


def cells(line):
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


@functools.lru_cache(None)
def tables():
    """(heading above it, header cells, rows of cells) of each table."""
    found, heading, lines = [], "", text().splitlines() + [""]
    for number, line in enumerate(lines):
        if re.match(r"#+ ", line):
            heading = line
        if re.match(r"\|[-|]+\|$", line):
            rows = []
            for row in lines[number + 1 :]:
                if not row.startswith("|"):
                    break
                rows.append(cells(row))
            found.append((heading, cells(lines[number - 1]), rows))
    return found


def rows_of(header):
    """(heading, row) of every table with this header."""
    for heading, head, rows in tables():
        if head == header:
            for row in rows:
                yield heading, row


def quoted(part):
    return re.findall(r"`([^`\n]+)`", part)


def is_path(word):
    top = r"(\.github|deploy|proto|sampler|service|tests)/[\w./-]+|CMake\w+\.\w+"
    return re.fullmatch(top, word) is not None


def is_test(word):
    pattern = r"[A-Z]\w+\.[A-Za-z]\w+"
    return re.fullmatch(pattern, word) is not None and not is_path(word)


@functools.lru_cache(None)
def tests():
    """Suite.Name of every test of the tree, Class.test_name of Python's too."""
    names = set()
    for path in (room.SOURCE / "tests").rglob("*_test.cc"):
        pattern = r"(?m)^TEST(?:_[FP])?\(\s*(\w+),\s*(\w+)\s*\)"
        for suite, name in re.findall(pattern, path.read_text()):
            names.add(f"{suite}.{name}")
    for path in (room.SOURCE / "tests").rglob("*_test.py"):
        suite = ""
        for line in path.read_text().splitlines():
            if found := re.match(r"class (\w+)", line):
                suite = found.group(1)
            if found := re.match(r"    def (test_\w+)", line):
                names.add(f"{suite}.{found.group(1)}")
    return names


def heading_links(page):
    """What GitHub calls the headings of a page in its links."""
    for title in re.findall(r"(?m)^#+ (.*)$", page):
        words = re.sub(r"[^\w\- ]", "", title.lower())
        yield words.replace(" ", "-")


# ---- Debian's packages ------------------------------------------------------


def installed(package):
    """The version that dpkg has of it, without a rebuild's number; "" for none."""
    done = room.run("dpkg-query", "-W", "-f", "${Version}", package, check=False)
    return re.sub(r"\+b\d+$", "", done.stdout) if done.returncode == 0 else ""


def upstream(version):
    """1:1.2.13.dfsg-1 is 1.2.13."""
    whole = re.sub(r"^\d+:", "", version)
    whole = re.sub(r"-[^-]*$", "", whole)
    return re.sub(r"[.+](dfsg|ds)\d*$", "", whole)


def is_upstream(stated, version):
    """3.0.x is any of 3.0."""
    pattern = re.escape(stated).replace(r"\.x", r"(\.\w+)+")
    return re.fullmatch(pattern, upstream(version)) is not None


def is_at_least(version, least):
    command = ("dpkg", "--compare-versions", version, "ge", least)
    return room.run(*command, check=False).returncode == 0


def changelog(package):
    """Its text, which may lack old entries; "" where documents were left out."""
    path = pathlib.Path(f"/usr/share/doc/{package}/changelog.Debian.gz")
    return gzip.open(path, "rt").read() if path.exists() else ""


def libraries(program):
    """The names of the shared libraries that it loads, but for the loader."""
    output = room.run("ldd", program).stdout
    names = [line.split()[0] for line in output.splitlines() if line.strip()]
    return {n.split("/")[-1] for n in names if not re.search(LOADER, n)}


class Named(unittest.TestCase):
    """What the page names is in the tree."""

    def test_every_test_is_there(self):
        named = {word for word in quoted(text()) if is_test(word)}
        self.assertGreaterEqual(len(named), 80)
        self.assertEqual(named - tests(), set())

    def test_every_file_is_there(self):
        named = {word for word in quoted(text()) if is_path(word)}
        self.assertGreaterEqual(len(named), 20)
        gone = {p for p in named if not (room.SOURCE / p).exists()}
        self.assertEqual(gone, set())

    def test_every_flag_is_there(self):
        named = {w[2:] for w in quoted(text()) if re.fullmatch(r"--\w+", w)}
        self.assertGreaterEqual(len(named), 6)
        self.assertEqual(named - room.flags_of("logitd"), set())

    def test_every_heading_is_there(self):
        named = set(re.findall(r"\]\(#([^)]+)\)", text()))
        self.assertEqual(named - set(heading_links(text())), set())

    def test_every_answer_to_a_threat_is_shown_or_says_nothing(self):
        answers = [row for _, row in rows_of(THREATS)]
        self.assertGreaterEqual(len(answers), 50)
        for row in answers:
            with self.subTest(row[0]):
                self.assertEqual(len(row), len(THREATS))
                words = quoted(row[2])
                shown = words and all(is_test(w) or is_path(w) for w in words)
                self.assertTrue(shown or row[2] == "nothing", row[2])

    def test_compiler_flags_are_those_of_the_build(self):
        cmake = (room.SOURCE / "CMakeLists.txt").read_text()
        built = next(rows for _, head, rows in tables() if head == ["", "where"])
        flags = [
            word
            for row in built
            for part in quoted(row[0])
            for word in part.split()
            if word.startswith(("-", "_"))
        ]
        self.assertGreaterEqual(len(flags), 8)
        for flag in flags:
            self.assertIn(flag, cmake)


class Dependencies(unittest.TestCase):
    """Each library has a row, each fault a verdict that Debian does not deny."""

    @classmethod
    def setUpClass(cls):
        cls.packages = {row[1].strip("`"): row for _, row in rows_of(PACKAGES)}

    def test_every_library_has_a_row_and_every_row_a_library(self):
        loaded = libraries(room.BIN / "logitd")
        self.assertIn("libgrpc++.so.1.51", loaded)
        patterns = [
            pattern
            for row in self.packages.values()
            if row[0] != HEADERS_ONLY
            for pattern in quoted(row[0])
        ]
        for name in loaded:
            rows = [p for p in patterns if fnmatch.fnmatchcase(name, p)]
            self.assertEqual(len(rows), 1, name)
        for pattern in patterns:
            self.assertTrue(fnmatch.filter(loaded, pattern), pattern)

    def test_every_package_has_a_section(self):
        headings = "\n".join(re.findall(r"(?m)^### .*$", text()))
        sections = set(re.findall(PACKAGE_ID, headings))
        self.assertEqual(sections, set(self.packages))

    def test_every_fault_has_one_verdict(self):
        judged = []
        for heading, row in rows_of(FAULTS):
            with self.subTest(row[0]):
                self.assertEqual(len(row), len(FAULTS))
                self.assertRegex(heading, PACKAGE_ID)
                ids = re.findall(FAULT_ID, row[0])
                self.assertTrue(ids)
                judged += ids
                _, ours, debian, found, _ = row
                self.assertIn(ours, OURS)
                self.assertLessEqual(set(found.split(", ")), FOUND)
                self.assertFalse(ours == "fixed" and debian == "none")
        self.assertGreaterEqual(len(judged), 40)
        self.assertEqual(len(judged), len(set(judged)), "judged twice")
        self.assertEqual(set(re.findall(FAULT_ID, text())), set(judged))

    def test_versions_are_those_of_this_machine(self):
        self.need_dpkg()
        for package, row in self.packages.items():
            with self.subTest(package):
                version = installed(package)
                self.assertTrue(version, "is not installed")
                self.assertTrue(is_upstream(row[2], version), (row[2], version))
                self.assertTrue(is_upstream(row[2], row[3]), (row[2], row[3]))
                self.assertTrue(is_at_least(version, row[3]), (version, row[3]))

    def test_debians_changelogs_say_the_same(self):
        self.need_dpkg()
        read, self.lacking = 0, {}
        for heading, row in rows_of(FAULTS):
            package = re.findall(PACKAGE_ID, heading)[0]
            with self.subTest(package=package, fault=row[0]):
                read += self.compare(package, row)
        for package, fix in self.lacking.items():
            print(f"NOTE: {package} lacks what {fix} mends: upgrade it")
        if read == 0:
            self.skipTest("no changelog is installed")

    def compare(self, package, row):
        """False if there is nothing to compare with."""
        log, version = changelog(package), installed(package)
        name, ours, debian = row[:3]
        if not log or debian == "upstream":
            return False
        fixes = [] if debian == "none" else debian.split(", ")
        looked_at = self.packages[package][3]
        for fix in fixes:
            has_it = is_at_least(looked_at, fix)
            self.assertEqual(ours, "fixed" if has_it else "affected")
        newer = [f for f in fixes if not is_at_least(version, f)]
        known = set(re.findall(FAULT_ID, log))
        for fault in re.findall(FAULT_ID, name):
            if not fixes:
                self.assertNotIn(fault, known, "Debian has mended it: say so")
            elif not newer and all(f"({fix})" in log for fix in fixes):
                self.assertIn(fault, known, f"not in {package} {version}")
        for fix in newer:
            if is_at_least(fix, self.lacking.get(package, fix)):
                self.lacking[package] = fix
        return True

    def need_dpkg(self):
        if shutil.which("dpkg-query") is None:
            self.skipTest("no dpkg-query: Debian's packages cannot be asked")


class Versions(unittest.TestCase):
    def test_are_read_as_debian_writes_them(self):
        for version, expected in (
            ("1:1.2.13.dfsg-1", "1.2.13"),
            ("0.7.0+dfsg-8", "0.7.0"),
            ("2.1.2+ds-1", "2.1.2"),
            ("20220623.1-1+deb12u2", "20220623.1"),
            ("3.0.19-1~deb12u2", "3.0.19"),
        ):
            self.assertEqual(upstream(version), expected)
        self.assertTrue(is_upstream("3.0.x", "3.0.22-1~deb12u2"))
        self.assertFalse(is_upstream("3.0.x", "3.1.0-1"))
        self.assertFalse(is_upstream("1.51.1", "1.54.2-1"))


if __name__ == "__main__":
    room.main()
