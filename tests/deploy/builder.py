#!/usr/bin/env python3
"""The image from sources, as a user without our build folder gets it: packages,
compilation, files. Many minutes, hence a stage of tests/run.sh --long alone.

The Debian it starts from is made here, out of the packages that this machine
installs from: no registry of images is asked.
"""

import pathlib
import shutil
import unittest

import containers
import room

BOX = containers.Containers("overlay", "vfs")
DEBIAN = "localhost/debian:bookworm"


def sources():
    """The files from which this machine's apt takes Debian 12."""
    folder = pathlib.Path("/etc/apt")
    found = [folder / "sources.list", *folder.glob("sources.list.d/*.sources"),
             *folder.glob("sources.list.d/*.list")]  # fmt: skip
    return [p for p in found if p.is_file() and "bookworm" in p.read_text()]


def make_debian():
    archive = f"{BOX.box}/debian.tar"
    BOX.run("mmdebstrap", "--variant=minbase", "bookworm", archive, *sources())
    BOX.podman("import", "--quiet", archive, DEBIAN)


class Builder(unittest.TestCase):
    def test_makes_the_image_from_sources(self):
        make_debian()
        log = BOX.run(
            room.SOURCE / "deploy/image/build.sh", "--debian", DEBIAN,
            "--tag", "sources", "--", "--network=host",
            "--volume=/etc/apt:/etc/apt:ro",
        )  # fmt: skip
        linked = (log.stdout + log.stderr).count("Linking CXX executable bin/logitctl")
        self.assertEqual(linked, 1, "one builder for both images")
        shown = BOX.podman(
            "run", "--rm", *containers.CONFINED, "localhost/logitd:sources",
            "--version",
        )  # fmt: skip
        expected = room.run(room.BIN / "logitd", "--version")
        self.assertEqual(shown.stdout, expected.stdout)


if __name__ == "__main__":
    with BOX:
        reason = BOX.cannot()
        if not reason and not shutil.which("mmdebstrap"):
            reason = "no mmdebstrap: run deploy/dependencies.sh --test"
        if reason:
            room.not_executed(f"the image from sources: {reason}")
        room.main()
