#!/usr/bin/env python3
"""deploy/kubernetes against the models of the API and the programs of this build.

No cluster is asked: what a live one would refuse beyond types, names and
references stays unseen.
"""

import copy
import re
import unittest

import manifests
import models
import room


def find(documents, kind):
    return next(d for d in documents if d["kind"] == kind)


def pod(documents):
    return find(documents, "Deployment")["spec"]["template"]["spec"]


def server(documents):
    """The container of logitd."""
    template = find(documents, "Deployment")["spec"]["template"]
    return next(c for c in manifests.containers(template) if c["name"] == "logitd")


def set_env(documents, name, value):
    """Sets, or adds, a variable of logitd."""
    env = server(documents)["env"]
    env[:] = [e for e in env if e["name"] != name]
    env.append({"name": name, "value": value})


def put(path, value):
    """A mistake: sets a value in a part of a pod or of the server's container."""

    def mistake(documents):
        place, *keys = path.split(".")
        target = {"server": server, "pod": pod}[place](documents)
        *keys, last = [int(key) if key.isdigit() else key for key in keys]
        for key in keys:
            target = target[key]
        if value is None:
            del target[last]
        else:
            target[last] = value

    return mistake


def spec(kind, key, value):
    def mistake(documents):
        find(documents, kind)["spec"][key] = value

    return mistake


# (what is done to the production pool, what must be said about it)
MISTAKES = [
    # what the API refuses
    (put("server.restartPolicyy", "Always"), "restartPolicyy: V1Container has no"),
    (put("server.restartPolicy", "Allways"), "'Allways' is not known"),
    (put("server.ports.0.containerPort", "7070"), "'7070' is no number"),
    (put("server.ports.0.containerPort", 70.5), "70.5 is no number"),
    (put("server.env.0.value", True), "True is no string"),
    (put("server.env.0.name", None), "env[0].name: missing"),
    (put("server.readinessProbe.exec.command", "logitctl health"), "is no list"),
    (put("server.resources.limits.memory", "6Gib"), "'6Gib' is no quantity"),
    (put("pod.securityContext.runAsNonRoot", "true"), "'true' is no boolean"),
    (put("pod.volumes.0.emptyDirr", {}), "emptyDirr: V1Volume has no"),
    (spec("HorizontalPodAutoscaler", "maxReplicas", None), "maxReplicas"),
    (spec("PodMonitor", "podMetricEndpoints", []), "podMetricEndpoints"),
    (spec("PodMonitor", "selector", []), "is no V1LabelSelector"),
    # what refers to nothing
    (put("server.volumeMounts.0.name", "sockets"), "no volume sockets"),
    (put("pod.volumes.1.secret.secretName", "tls"), "no Secret tls in deploy/README"),
    (put("pod.serviceAccountName", "logitd"), "no ServiceAccount/logitd"),
    (lambda docs: docs.remove(find(docs, "ConfigMap")), "no ConfigMap logitd-prof"),
    (spec("Service", "selector", {"app": "logitd"}), "Service/logitd-pool: selects"),
    (spec("NetworkPolicy", "podSelector", {"matchLabels": {"a": "b"}}),
     "NetworkPolicy/logitd-pool: selects no pod"),
    (spec("PodDisruptionBudget", "selector", {"matchLabels": {"a": "b"}}),
     "PodDisruptionBudget/logitd-pool: selects no pod"),
    (spec("PodMonitor", "selector", {"matchLabels": {"a": "b"}}),
     "PodMonitor/logitd: selects no pod"),
    (spec("Deployment", "replicas", 3), "which the autoscaler owns"),
    (spec("PodMonitor", "podMetricsEndpoints", [{"port": "metrics"}]),
     "PodMonitor/logitd: no port metrics"),
    (put("pod.topologySpreadConstraints.0.labelSelector.matchLabels", {"a": "b"}),
     "spreads other pods"),
    # what the programs do not know
    (put("server.livenessProbe.exec.command.1", "healthy"), "no command healthy"),
    (put("server.args", ["--listn", "x"]), "logitd has no flag --listn"),
    (lambda docs: set_env(docs, "LOGITD_MAX_ROW", "1"), "no flag --max_row"),
    (lambda docs: set_env(docs, "LOGITD_MAX_ROWS", "many"), "is not a number in"),
    (put("server.args.0", "--tls_cert=/etc/tls.crt"), "is mounted at /etc/tls.crt"),
    (put("server.args", []), "TCP without mutual TLS"),
    (lambda docs: set_env(docs, "LOGITD_TLS_CERT", "/etc/logitd/tls/tls.crt"),
     "LOGITD_TLS_CERT is read by the probes' logitctl too"),
    (lambda docs: set_env(docs, "LOGITD_DATA_DIR", "/var/lib/logitd"),
     "nothing is mounted at /var/lib/logitd"),
    (put("server.startupProbe", None), "has no startupProbe"),
    (lambda docs: set_env(docs, "LOGITD_ADMIN_HTTP", "127.0.0.1:9464"),
     "nobody listens on"),
    # what does not fit
    (put("pod.terminationGracePeriodSeconds", 60), "too few to drain for 60"),
    (lambda docs: set_env(docs, "LOGITD_MAX_STREAMS", "256"), "requests may need"),
    # what is not safe
    (put("server.securityContext.readOnlyRootFilesystem", None), "readOnlyRoot"),
    (put("server.securityContext.capabilities", {"add": ["NET_RAW"]}), "capabilit"),
    (put("server.securityContext.runAsUser", 0), "runAsUser"),
    (put("pod.hostNetwork", True), "hostNetwork"),
    (put("pod.automountServiceAccountToken", True), "automountServiceAccount"),
    (put("server.image", "registry.example.com/logitd:latest"), "no version"),
    (put("pod.volumes.0", {"name": "logitd-socket", "hostPath": {"path": "/"}}),
     "hostPath"),
]  # fmt: skip


class Kubernetes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rendered = {f: manifests.render(f) for f in manifests.folders()}

    def test_everything_that_can_be_applied_is_right(self):
        for folder, documents in self.rendered.items():
            with self.subTest(folder):
                self.assertEqual(manifests.problems(documents), [])

    def test_sees_each_planted_mistake(self):
        good = self.rendered["overlays/pool-production"]
        for number, (mistake, said) in enumerate(MISTAKES):
            with self.subTest(number=number, said=said):
                documents = copy.deepcopy(good)
                mistake(documents)
                self.assertNotEqual(documents, good, "no mistake was made")
                found = "\n".join(manifests.problems(documents))
                self.assertIn(said, found)

    def test_no_key_stands_twice(self):
        for path in manifests.KUSTOMIZE.rglob("*.yaml"):
            manifests.load(path.read_text())
        with self.assertRaises(AssertionError):
            manifests.load("a: 1\nb: 2\na: 3\n")

    def test_every_file_is_used_by_what_lies_beside_it(self):
        for path in manifests.KUSTOMIZE.rglob("*.yaml"):
            if path.name == "kustomization.yaml":
                continue
            users = path.parent, path.parent.parent
            texts = [
                (folder / "kustomization.yaml").read_text()
                for folder in users
                if (folder / "kustomization.yaml").exists()
            ]
            self.assertIn(path.name, "".join(texts), path)

    def test_the_sidecar_starts_before_and_stops_after_the_application(self):
        for folder in ("base", "overlays/sidecar-production"):
            sidecars = pod(self.rendered[folder])["initContainers"]
            self.assertEqual([c["name"] for c in sidecars], ["logitd"])
            self.assertEqual(sidecars[0]["restartPolicy"], "Always")

    def test_the_application_may_connect_but_not_change_the_socket(self):
        for folder in ("base", "overlays/sidecar-production"):
            documents = self.rendered[folder]
            model = pod(documents)["containers"][0]
            mount = next(
                m for m in model["volumeMounts"] if m["name"] == "logitd-socket"
            )
            self.assertIs(mount["readOnly"], True)
            own = server(documents)["securityContext"]["runAsUser"]
            self.assertNotEqual(model["securityContext"]["runAsUser"], own)
            groups = pod(documents)["securityContext"]["supplementalGroups"]
            self.assertEqual(groups, [own])

    def test_images_have_the_version_of_the_tree(self):
        cmake = (room.SOURCE / "CMakeLists.txt").read_text()
        version = re.search(r"project\(logitd VERSION ([\d.]+)", cmake).group(1)
        for folder, documents in self.rendered.items():
            for _, template in manifests.pods(documents):
                for container in manifests.containers(template):
                    self.assertTrue(container["image"].endswith(f":{version}"), folder)

    def test_the_profiles_of_the_example_are_good(self):
        documents = self.rendered["overlays/sidecar-production"]
        self.assertEqual(
            documents[0]["data"].keys(), {"support-chat.yaml", "invoice-fields.yaml"}
        )
        shipped = {p.name for p in (room.SOURCE / "deploy/profiles").iterdir()}
        own = manifests.KUSTOMIZE / "components/profiles/profiles"
        for path in own.iterdir():
            self.assertNotIn(path.name, shipped, "one source owns a name")
            room.run(room.BIN / "logitctl", "lint", path)


if __name__ == "__main__":
    missing = models.require()
    if missing:
        raise SystemExit(missing)
    room.main()
