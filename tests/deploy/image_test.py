#!/usr/bin/env python3
"""The files of the images and their SBOM, without a container."""

import hashlib
import json
import os
import re
import shutil
import stat
import tempfile
import unittest

import room

EPOCH = "1700000000"
TEXTS = ("usr/share/", "etc/", "var/lib/dpkg/status.d/", "usr/lib/os-release")


def assemble(out):
    room.run(
        room.SOURCE / "deploy/image/assemble.sh", "--bin", room.BIN, "--out", out,
        env={**os.environ, "SOURCE_DATE_EPOCH": EPOCH},
    )  # fmt: skip


def files_of(folder):
    """Each file and link of a folder, by its path in the image."""
    return {
        os.path.relpath(os.path.join(base, name), folder): os.path.join(base, name)
        for base, folders, names in os.walk(folder)
        for name in names + [f for f in folders if os.path.islink(f"{base}/{f}")]
    }


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def needed(path):
    dynamic = room.run("readelf", "-dW", path).stdout
    return set(re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic))


class Image(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.box = tempfile.mkdtemp(prefix="logitd-image-test.")
        cls.addClassCleanup(shutil.rmtree, cls.box)
        cls.image = os.path.join(cls.box, "image")
        assemble(cls.image)
        cls.runtime = files_of(f"{cls.image}/runtime")
        cls.demo = files_of(f"{cls.image}/demo")
        with open(cls.runtime["usr/share/logitd/sbom.spdx.json"]) as file:
            cls.sbom = json.load(file)

    def test_holds_two_programs_and_no_other(self):
        programs = {p for p in self.runtime if p.startswith("usr/bin/")}
        self.assertEqual(programs, {"usr/bin/logitd", "usr/bin/logitctl"})
        rest = {
            path
            for path in self.runtime
            if path not in programs
            and not path.startswith(TEXTS)
            and not re.fullmatch(r"usr/lib(64)?/(.*/)?[\w.+-]+\.so(\.[\d.]+)?", path)
            and path not in ("lib", "lib64")
        }
        self.assertEqual(rest, set(), "neither program, library nor text")

    def assert_closed(self, files):
        """Every library that a file needs is there, and every one is needed."""
        libraries = {os.path.basename(p): f for p, f in files.items() if ".so" in p}
        asked = set()
        for path, file in files.items():
            if path.startswith("usr/bin/") or ".so" in path:
                asked |= needed(file)
        interpreter = {name for name in libraries if name.startswith("ld-linux")}
        self.assertEqual(asked - set(libraries), set(), "missing")
        self.assertEqual(set(libraries) - asked - interpreter, set(), "unneeded")
        self.assertEqual(len(interpreter), 1)

    def test_holds_the_libraries_that_are_needed_and_no_other(self):
        self.assert_closed(self.runtime)
        self.assert_closed({**self.runtime, **self.demo})

    def test_gives_nobody_more_rights(self):
        for base, folders, names in os.walk(self.image):
            for name in folders + names:
                mode = os.lstat(os.path.join(base, name)).st_mode
                if not stat.S_ISLNK(mode):
                    self.assertEqual(mode & 0o6022, 0, f"{base}/{name}")

    def test_carries_a_licence_for_everything(self):
        self.assertIn("usr/share/doc/logitd/copyright", self.runtime)
        for files in (self.runtime, self.demo):
            for path in files:
                if path.startswith("var/lib/dpkg/status.d/"):
                    package = os.path.basename(path)
                    self.assertIn(f"usr/share/doc/{package}/copyright", files)

    def test_has_the_profiles_of_the_repository(self):
        for path in (room.SOURCE / "deploy/profiles").glob("*.yaml"):
            copied = self.runtime[f"usr/share/logitd/profiles/{path.name}"]
            self.assertEqual(digest(copied), digest(path))

    def test_comes_out_the_same_again(self):
        again = os.path.join(self.box, "again")
        assemble(again)
        first, second = files_of(self.image), files_of(again)
        self.assertEqual(set(first), set(second))
        for path in first:
            if not os.path.islink(first[path]) or os.path.isfile(first[path]):
                self.assertEqual(digest(first[path]), digest(second[path]), path)

    def test_refuses_a_program_with_a_missing_library(self):
        broken = os.path.join(self.box, "bin")
        os.mkdir(broken)
        for name in ("logitd", "logitctl", "logitd-demo-model"):
            shutil.copy(room.BIN / name, broken)
        path = os.path.join(broken, "logitctl")
        with open(path, "rb") as file:
            content = file.read()
        with open(path, "wb") as file:
            file.write(content.replace(b"libprotobuf.so", b"libprotobux.so"))
        done = room.run(
            room.SOURCE / "deploy/image/assemble.sh", "--bin", broken,
            "--out", os.path.join(self.box, "broken"), check=False,
        )  # fmt: skip
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("libprotobux.so.32 => not found", done.stderr)

    # ---- the SBOM ----

    def test_sbom_is_spdx(self):
        self.assertEqual(self.sbom["spdxVersion"], "SPDX-2.3")
        self.assertEqual(self.sbom["dataLicense"], "CC0-1.0")
        self.assertEqual(self.sbom["SPDXID"], "SPDXRef-DOCUMENT")
        self.assertRegex(self.sbom["documentNamespace"], r"^urn:[a-z]+:[^#]+$")
        created = self.sbom["creationInfo"]["created"]
        self.assertEqual(created, "2023-11-14T22:13:20Z")
        known = {"SPDXRef-DOCUMENT"}
        for element in self.sbom["packages"] + self.sbom["files"]:
            self.assertRegex(element["SPDXID"], r"^SPDXRef-[a-zA-Z0-9.+-]+$")
            self.assertNotIn(element["SPDXID"], known, "twice")
            known.add(element["SPDXID"])
        contained = {"SPDXRef-DOCUMENT"}
        for relation in self.sbom["relationships"]:
            self.assertIn(relation["spdxElementId"], known)
            contained.add(relation["relatedSpdxElement"])
        self.assertEqual(contained, known, "related to nothing, or unknown")

    def test_sbom_names_the_programs_as_they_are(self):
        for entry in self.sbom["files"]:
            path = self.runtime[entry["fileName"].removeprefix("./")]
            self.assertEqual(entry["checksums"][0]["checksumValue"], digest(path))
        self.assertEqual(len(self.sbom["files"]), 2)

    def test_sbom_names_the_package_of_every_library(self):
        named = {
            p["name"]: p["versionInfo"]
            for p in self.sbom["packages"]
            if p["SPDXID"].startswith("SPDXRef-deb-")
        }
        with_data = {
            os.path.basename(p)
            for p in self.runtime
            if p.startswith("var/lib/dpkg/status.d/")
        }
        self.assertEqual(set(named), with_data)
        owned = set()  # which files dpkg says the named packages have
        for package, version in named.items():
            installed = room.run("dpkg-query", "-W", "-f", "${Version}", package)
            self.assertEqual(installed.stdout, version)
            owned |= {
                os.path.basename(line)
                for line in room.run("dpkg-query", "-L", package).stdout.splitlines()
            }
        libraries = {os.path.basename(p) for p in self.runtime if ".so" in p}
        self.assertEqual(libraries - owned, set(), "of no package in the SBOM")


class Dockerfile(unittest.TestCase):
    def test_runs_as_a_number_and_copies_what_assemble_makes(self):
        with open(room.SOURCE / "deploy/image/Dockerfile") as file:
            text = file.read()
        stages = re.split(r"(?m)^FROM ", text)[1:]
        runtime = next(s for s in stages if s.startswith("scratch AS runtime\n"))
        self.assertIn("\nUSER 65532:65532\n", runtime)
        self.assertNotRegex(text, r"(?m)^(ADD|EXPOSE|VOLUME|HEALTHCHECK)\b")
        copied = set(re.findall(r"/image/([\w-]+)/", text))
        self.assertEqual(copied, {"runtime", "runtime-owned", "demo"})


if __name__ == "__main__":
    room.main()
