#!/usr/bin/env python3
"""The pods of deploy/kubernetes, run by podman as their manifests say: users,
groups, rights, settings, volumes, memory.
"""

import os
import unittest

import containers
import manifests
import pod
import room
from containers import DEMO, HEALTH, IMAGE

BOX = containers.Containers()
IMAGES = {"logitd": IMAGE, "logitd-demo": DEMO}
GENERATE = (
    "logitctl", "generate", "--quiet", "--profile", "casual-chat",
    "--seed", "42", "--min-tokens", "20", "--max-tokens", "40",
)  # fmt: skip


MODEL, SIDECAR = "sidecar-model", "sidecar-logitd"


def setUpModule():
    BOX.build_images()


class SidecarPod(unittest.TestCase):
    """deploy/kubernetes/base, both containers, on the shared socket folder."""

    @classmethod
    def setUpClass(cls):
        _, template = next(manifests.pods(manifests.render("base")))
        cls.pod = pod.Pod(BOX, "sidecar", template, IMAGES)
        # As a native sidecar: the application starts when the probe succeeded.
        cls.pod.start("logitd")
        cls.pod.wait("logitd")
        cls.pod.start("model")
        cls.text = BOX.wait(MODEL, *GENERATE)

    def test_samples_the_same_text_for_the_same_seed(self):
        self.assertGreaterEqual(len(self.text.split()), 20)
        self.assertEqual(BOX.podman("exec", MODEL, *GENERATE).stdout, self.text)

    def test_runs_two_users_without_rights(self):
        seen = set()
        for name, container in self.pod.containers.items():
            status = containers.status_of(BOX.inspect(self.pod.id(name))["State"]["Pid"])
            user = container["securityContext"]["runAsUser"]
            self.assertEqual(status["Uid"].split(), [str(user)] * 4)
            self.assertEqual(int(status["CapBnd"], 16), 0)
            self.assertEqual(status["NoNewPrivs"], "1")
            self.assertEqual(status["Seccomp"], "2", "no filter of system calls")
            seen.add(user)
        self.assertEqual(len(seen), 2)

    def exec_fails(self, part, *command, **options):
        flags = ["--interactive"] if options else []
        done = BOX.podman(
            "exec", *flags, MODEL, "logitctl", *command,
            check=False, **options,
        )  # fmt: skip
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(part, done.stderr)

    def test_the_application_changes_neither_folder_nor_profiles(self):
        self.exec_fails("Read-only file system", "profiles", "export", "/run/logitd/x")
        self.exec_fails(
            "Permission denied", "profiles", "create", "mine", "-f", "-",
            input="default_params: {temperature: 2}\n",
        )  # fmt: skip

    def test_the_owner_changes_profiles_from_the_sidecar(self):
        created = BOX.podman(
            "exec", "--interactive", SIDECAR, "logitctl", "profiles",
            "create", "mine", "-f", "-", input="default_params: {top_p: 0.5}\n",
        )  # fmt: skip
        self.assertIn("profiles/mine@1", created.stdout)
        listed = BOX.podman("exec", MODEL, "logitctl", "profiles", "list")
        self.assertIn("mine", listed.stdout)

    def test_goes_on_after_each_container_was_killed(self):
        for name in (MODEL, SIDECAR):
            BOX.podman("kill", "--signal=KILL", name)
            BOX.podman("wait", name)
            BOX.podman("start", name)
            self.pod.wait("logitd")
            self.assertEqual(BOX.wait(MODEL, *GENERATE), self.text)

    def test_stops_the_application_first_and_the_sidecar_in_peace(self):
        try:
            for name in (MODEL, SIDECAR):
                BOX.podman("stop", "--time=60", name)
                self.assertEqual(BOX.inspect(name)["State"]["ExitCode"], 0, name)
        finally:  # for the tests after this one
            for name in (SIDECAR, MODEL):
                BOX.podman("start", name)
                BOX.wait(name, *HEALTH)
            BOX.wait(MODEL, *GENERATE)


SERVER, CLIENT = "pool-logitd", "pool-client"
CERTIFICATES = """
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ca \\
    -keyout ca.key -out ca.crt
for name in logitd-pool worker; do
  openssl req -newkey rsa:2048 -nodes -subj "/CN=$name" \\
      -keyout "$name.key" -out "$name.csr"
  printf 'subjectAltName=DNS:%s\\n' "$name" >extensions
  openssl x509 -req -in "$name.csr" -CA ca.crt -CAkey ca.key -CAcreateserial \\
      -days 2 -extfile extensions -out "$name.crt"
done
"""


def private(path, flags):
    return os.open(path, flags, 0o600)


class PoolPod(unittest.TestCase):
    """deploy/kubernetes/overlays/pool-production: mutual TLS, a ConfigMap."""

    @classmethod
    def setUpClass(cls):
        rendered = manifests.render("overlays/pool-production")
        cls.profiles = next(d for d in rendered if d["kind"] == "ConfigMap")["data"]
        folder = cls.make_certificates()
        secret = {"tls.crt": "logitd-pool.crt", "tls.key": "logitd-pool.key",
                  "ca.crt": "ca.crt"}  # fmt: skip
        for name, path in secret.items():
            with open(f"{folder}/{path}") as file:
                secret[name] = file.read()
        _, template = next(manifests.pods(rendered))
        files = {"logitd-tls": secret, "logitd-profiles": cls.profiles}
        cls.pod = pod.Pod(BOX, "pool", template, IMAGES, files)
        cls.pod.start("logitd")
        cls.pod.wait("logitd")
        # Somebody on the same network, with a certificate and without the socket.
        BOX.start(
            CLIENT, f"--network=container:{SERVER}", f"--volume={folder}:/tls:ro",
            "--user=0", DEMO, "--listen", "127.0.0.1:7071",
        )  # fmt: skip

    @classmethod
    def make_certificates(cls):
        folder = f"{BOX.box}/certificates"
        os.mkdir(folder)
        room.run("bash", "-euc", CERTIFICATES, cwd=folder)
        with open(f"{folder}/token", "w", opener=private) as file:
            file.write("a token that the server was never told\n")
        return folder

    def call(self, *command, tls=("ca", "cert", "key"), check=True):
        """logitctl of the client, over TCP."""
        paths = {"ca": "ca.crt", "cert": "worker.crt", "key": "worker.key"}
        flags = [f"--tls-{kind}=/tls/{paths[kind]}" for kind in tls]
        if tls:
            flags.append("--tls-server-name=logitd-pool")
        return BOX.podman(
            "exec", CLIENT, "logitctl", *command, "--target=127.0.0.1:7070",
            "--timeout=20", *flags, check=check,
        )  # fmt: skip

    def test_serves_whoever_has_a_certificate(self):
        BOX.wait(CLIENT, "logitctl", "health", "--target=127.0.0.1:7070",
                 "--tls-ca=/tls/ca.crt", "--tls-cert=/tls/worker.crt",
                 "--tls-key=/tls/worker.key",
                 "--tls-server-name=logitd-pool")  # fmt: skip
        done = self.call(
            "generate", "--model-target=127.0.0.1:7071", "--profile=support-chat",
            "--seed=1", "--max-tokens=10", "--quiet",
        )  # fmt: skip
        self.assertNotEqual(done.stdout.strip(), "")

    def test_serves_nobody_else(self):
        for tls in ((), ("ca",)):
            done = self.call("health", tls=tls, check=False)
            self.assertEqual(done.returncode, 3, f"{tls}: {done.stdout}")
        # The same question with the certificate is answered.
        self.assertIn("SERVING", self.call("health").stdout)

    def test_profiles_follow_the_configmap_without_a_restart(self):
        before = BOX.inspect(SERVER)["State"]["Pid"]
        changed = {**self.profiles}
        changed["support-chat.yaml"] = "default_params: {temperature: 0.25}\n"
        self.assertNotIn("0.25", self.call("profiles", "get", "support-chat").stdout)
        self.pod.project("logitd-profiles", changed)
        BOX.wait_for(lambda: "0.25" in self.call(
            "profiles", "get", "support-chat").stdout)  # fmt: skip
        self.assertEqual(BOX.inspect(SERVER)["State"]["Pid"], before)

    def test_profiles_cannot_be_changed_by_a_client(self):
        done = self.call("profiles", "delete", "code", "--token-file=/tls/token",
                         check=False)  # fmt: skip
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("PERMISSION_DENIED", done.stderr)


if __name__ == "__main__":
    if os.getuid() != 0:
        room.not_executed("the pods: only root gives folders to other users")
    containers.main(BOX)
