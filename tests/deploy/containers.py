"""Podman and buildah with a storage of the test's own, or the reason why not."""

import json
import os
import re
import shutil
import signal
import sys
import tempfile
import time

import room

# What Kubernetes' restricted pod security asks, and no way out of the container.
CONFINED = (
    "--read-only", "--cap-drop=all", "--security-opt=no-new-privileges",
    "--network=none",
)  # fmt: skip
IMAGE, DEMO = "localhost/logitd:test", "localhost/logitd-demo:test"
HEALTH = ("logitctl", "health", "--timeout", "5")
WAIT_S = 120  # for what must come; a loaded machine is slow

STORAGE = """[storage]
driver = "{driver}"
graphroot = "{box}/graph"
runroot = "{box}/run"
"""
# Without limits of its own podman asks for more than it may have in a container;
# cgroupfs and runc do without systemd and with old cgroups.
CONTAINERS = """[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
tmp_dir = "{box}/tmp"
lock_type = "file"
"""


class Containers:
    """A folder with images and containers; use it as a context.

    drivers: of the storage, the first that works here is taken. vfs works
    everywhere, and copies every layer.
    """

    def __init__(self, *drivers):
        self.drivers = drivers or ("vfs",)
        self.box = None
        self.started = []
        self.environment = {}

    def __enter__(self):
        self.box = tempfile.mkdtemp(prefix="logitd-containers.")
        for name, text in (("storage", STORAGE), ("containers", CONTAINERS)):
            self.configure(name, text)
        self.environment = {
            **os.environ,
            "CONTAINERS_STORAGE_CONF": f"{self.box}/storage.conf",
            "CONTAINERS_CONF": f"{self.box}/containers.conf",
            "BUILDAH_ISOLATION": "chroot",
        }
        return self

    def configure(self, name, text, driver="vfs"):
        with open(f"{self.box}/{name}.conf", "w") as file:
            file.write(text.format(box=self.box, driver=driver))

    def __exit__(self, *_):
        # The last first: it may live in the network of one before it.
        failed = [
            done.stderr
            for name in reversed(self.started)
            if (done := self.podman(
                "rm", "--force", "--time=0", "--volumes", name, check=False
            )).returncode != 0
        ]  # fmt: skip
        # As podman's own root: without root, files belong to mapped users.
        if os.getuid() != 0:
            self.podman("unshare", "rm", "-rf", f"{self.box}/graph", check=False)
            # Ends the process that holds the user namespace.
            self.podman("system", "migrate", check=False)
        # A build that was cut off may still be writing.
        end = time.monotonic() + WAIT_S
        while os.path.exists(self.box) and time.monotonic() < end:
            shutil.rmtree(self.box, ignore_errors=True)
        if failed or os.path.exists(self.box):
            raise AssertionError(f"{self.box} stays behind: {failed}")

    def run(self, *command, **options):
        return room.run(*command, env=self.environment, cwd=self.box, **options)

    def podman(self, *arguments, **options):
        return self.run("podman", *arguments, **options)

    def cannot(self):
        """Why this machine cannot run a container; None if it can.

        Asked with a static program of Debian's, so that a broken image of ours
        is not taken for a machine that cannot.
        """
        missing = [p for p in ("buildah", "podman", "runc") if not shutil.which(p)]
        if missing:
            return f"no {', '.join(missing)}: run deploy/dependencies.sh --test"
        os.mkdir(f"{self.box}/probe")
        shutil.copy("/sbin/ldconfig", f"{self.box}/probe/ldconfig")
        with open(f"{self.box}/probe/Dockerfile", "w") as file:
            file.write("FROM scratch\nCOPY ldconfig /\nUSER 65532:65532\n")
        for driver in self.drivers:
            self.configure("storage", STORAGE, driver)
            reason = self._probe()
            if reason is None:
                return None
        return reason

    def _probe(self):
        for command in (
            ("buildah", "build", "-t", "localhost/probe", f"{self.box}/probe"),
            ("podman", "run", "--rm", "--memory=64m", *CONFINED,
             "localhost/probe", "/ldconfig", "--version"),
        ):  # fmt: skip
            done = self.run(*command, check=False)
            if done.returncode != 0:
                lines = (done.stderr.strip() or "no message").splitlines()
                return f"{command[0]} does not work here: {lines[-1]}"
        return None

    def build_images(self):
        """IMAGE and DEMO, of the programs of this build."""
        script = room.SOURCE / "deploy/image/build.sh"
        self.run(script, "--bin", room.BIN, "--tag", "test")

    def start(self, name, *arguments):
        """A container in the background."""
        self.started.append(name)
        self.podman("run", "--detach", f"--name={name}", *arguments)

    def inspect(self, name):
        return json.loads(self.podman("inspect", name).stdout)[0]

    def wait(self, name, *command):
        """Until `command` in the container succeeds; its output."""
        end = time.monotonic() + WAIT_S
        while True:
            done = self.podman("exec", name, *command, check=False)
            if done.returncode == 0:
                return done.stdout
            running = self.inspect(name)["State"]["Running"]
            if not running or time.monotonic() > end:
                logs = self.podman("logs", name, check=False)
                raise AssertionError(
                    f"{name}: {' '.join(command)}: {done.stderr}\n"
                    f"{logs.stdout}{logs.stderr}"
                )
            time.sleep(0.1)

    @staticmethod
    def wait_for(true):
        end = time.monotonic() + WAIT_S
        while not true():
            if time.monotonic() > end:
                raise AssertionError(f"not true within {WAIT_S} s")
            time.sleep(0.2)


def status_of(pid):
    """What the kernel says of a process."""
    with open(f"/proc/{pid}/status") as file:
        return dict(re.findall(r"(?m)^(\w+):\s*(.*)$", file.read()))


def main(box):
    """The tests of the program, or the reason why they cannot run here."""
    # Containers outlive who started them: stop them however we are ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with box:
        reason = box.cannot()
        if reason:
            room.not_executed(f"containers: {reason}")
        room.main()
