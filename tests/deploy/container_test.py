#!/usr/bin/env python3
"""The images as containers: built from the programs of this build, confined."""

import json
import unittest

import containers
import room

from containers import DEMO, HEALTH, IMAGE

BOX = containers.Containers()


def confined(*arguments, check=True):
    """A container that runs to its end."""
    return BOX.podman("run", "--rm", *containers.CONFINED, *arguments, check=check)


class Container(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        BOX.build_images()

    def test_starts_as_a_user_without_rights(self):
        for image in (IMAGE, DEMO):
            config = BOX.inspect(image)["Config"]
            self.assertEqual(config["User"], "65532:65532")
        config = BOX.inspect(IMAGE)["Config"]
        self.assertEqual(config["Entrypoint"], ["/usr/bin/logitd"])
        label = config["Labels"]["org.opencontainers.image.version"]
        version = room.run(room.BIN / "logitd", "--version").stdout
        self.assertTrue(version.startswith(f"logitd {label} "), version)

    def test_tells_the_version_of_the_build(self):
        expected = room.run(room.BIN / "logitd", "--version").stdout
        self.assertEqual(confined(IMAGE, "--version").stdout, expected)

    def test_has_no_shell(self):
        done = confined("--entrypoint=/bin/sh", IMAGE, "-c", "true", check=False)
        self.assertIn(done.returncode, (126, 127), done.stderr)

    def test_profiles_of_the_image_are_good(self):
        done = confined(
            "--entrypoint=/usr/bin/logitctl", IMAGE, "lint",
            "/usr/share/logitd/profiles/code.yaml",
        )  # fmt: skip
        self.assertIn("code.yaml", done.stdout + done.stderr)

    def test_serves_drains_and_stops_with_nothing_but_its_socket_folder(self):
        BOX.start(
            "server", *containers.CONFINED, "--volume=/run/logitd",
            "--read-only-tmpfs=false", IMAGE,
            "--profile_dir", "/usr/share/logitd/profiles",
        )  # fmt: skip
        self.assertIn("SERVING", BOX.wait("server", *HEALTH))
        status = containers.status_of(BOX.inspect("server")["State"]["Pid"])
        for kind in ("CapPrm", "CapEff", "CapBnd", "CapAmb"):
            self.assertEqual(int(status[kind], 16), 0, kind)
        self.assertEqual(status["NoNewPrivs"], "1")
        self.assertNotIn("0", status["Uid"].split())
        listed = BOX.wait(
            "server", "/usr/bin/logitctl", "profiles", "list", "-o", "json"
        )
        names = {profile["name"] for profile in json.loads(listed)}
        shipped = (room.SOURCE / "deploy/profiles").glob("*.yaml")
        self.assertEqual(names, {f"profiles/{path.stem}" for path in shipped})
        BOX.podman("stop", "--time=60", "server")
        self.assertEqual(BOX.inspect("server")["State"]["ExitCode"], 0)

    def test_says_in_one_line_that_it_cannot_write_its_socket(self):
        done = confined("--read-only-tmpfs=false", IMAGE, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertIn("Read-only file system", done.stderr)


if __name__ == "__main__":
    containers.main(BOX)
