"""Rendered manifests: what they are, and what in them must fit together.

Each check yields sentences about what is wrong, the name of the object first.
"""

import os
import re

import yaml

import models
import room

KUSTOMIZE = room.SOURCE / "deploy/kubernetes"
KUBECTL = models.ROOT / "kubectl/kubectl"
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")
LABEL = re.compile(r"([a-z0-9]([a-z0-9.-]*[a-z0-9])?/)?\w([\w.-]{0,61}\w)?")
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")

# What a container runs: the image's entry point, and the program whose --help
# knows what its environment may say.
IMAGES = {"logitd": "logitd", "logitd-demo": "logitd-demo-model"}
# Of logitctl, for whoever comes with `kubectl exec`.
CLIENT_ENV = {"LOGITD_TARGET", "LOGITD_DEMO_MODEL"}
# The server and logitctl mean different files by these.
NOT_BOTH = {"LOGITD_TLS_CERT", "LOGITD_TLS_KEY"}

# What whoever applies the manifests must bring.
SECRETS = {"logitd-tls"}


class UniqueKeys(yaml.SafeLoader):
    """A key that stands twice is a mistake, which YAML itself lets pass."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep) for key, _ in node.value]
        twice = {key for key in keys if keys.count(key) > 1}
        if twice:
            raise AssertionError(f"{node.start_mark}: {twice} twice")
        return super().construct_mapping(node, deep)


def load(text):
    return [d for d in yaml.load_all(text, UniqueKeys) if d is not None]


def folders():
    """What a user may apply."""
    return ["base"] + sorted(
        f"overlays/{p.name}" for p in (KUSTOMIZE / "overlays").iterdir()
    )


def render(folder):
    """The manifests that `kubectl apply -k` would send."""
    return load(room.run(KUBECTL, "kustomize", KUSTOMIZE / folder).stdout)


def name_of(document):
    return f"{document['kind']}/{document['metadata']['name']}"


def pods(documents):
    """(name, pod template) of every workload."""
    for document in documents:
        if document["kind"] in WORKLOADS:
            yield name_of(document), document["spec"]["template"]


def containers(template):
    spec = template["spec"]
    return spec.get("initContainers", []) + spec["containers"]


def image_of(container):
    """The last part of the name, without tag or digest."""
    return re.split("[:@]", container["image"].rsplit("/", 1)[-1])[0]


def environment(container):
    return {e["name"]: e.get("value", "") for e in container.get("env", [])}


def matches(selector, labels):
    return selector.items() <= labels.items()


# ---- the API ----------------------------------------------------------------


def accepted(documents):
    """Unknown fields, wrong types, missing fields."""
    for document in documents:
        yield from models.check(
            models.type_of(document), document, name_of(document)
        )


def names(documents):
    seen = set()
    for document in documents:
        if not NAME.fullmatch(document["metadata"]["name"]):
            yield f"{name_of(document)}: is no DNS label"
        if name_of(document) in seen:
            yield f"{name_of(document)}: twice"
        seen.add(name_of(document))
    for where, labels in _labels(documents):
        for key, value in labels.items():
            if not LABEL.fullmatch(key) or len(value) > 63:
                yield f"{where}: bad label {key}: {value}"


def _labels(documents):
    for document in documents:
        yield name_of(document), document["metadata"].get("labels", {})
    for name, template in pods(documents):
        yield name, template["metadata"]["labels"]


# ---- what refers to what ----------------------------------------------------


def volumes(documents):
    configs = {d["metadata"]["name"] for d in documents if d["kind"] == "ConfigMap"}
    for name, template in pods(documents):
        declared = {v["name"]: v for v in template["spec"].get("volumes", [])}
        mounted = set()
        for container in containers(template):
            for mount in container.get("volumeMounts", []):
                mounted.add(mount["name"])
        for volume in mounted - set(declared):
            yield f"{name}: no volume {volume}"
        for volume in set(declared) - mounted:
            yield f"{name}: nobody mounts the volume {volume}"
        for volume in declared.values():
            config = volume.get("configMap", {}).get("name")
            if config and config not in configs:
                yield f"{name}: no ConfigMap {config}"
            secret = volume.get("secret", {}).get("secretName")
            if secret and secret not in SECRETS:
                yield f"{name}: no Secret {secret} in deploy/README.md"


def selectors(documents):
    """Whatever selects pods selects some."""
    found = [template["metadata"]["labels"] for _, template in pods(documents)]
    for document in documents:
        spec = document.get("spec", {})
        wanted = spec.get("podSelector" if document["kind"] == "NetworkPolicy"
                          else "selector")  # fmt: skip
        if wanted is None:
            continue
        if document["kind"] != "Service":
            wanted = wanted["matchLabels"]
        candidates = found
        if document["kind"] in WORKLOADS:
            candidates = [spec["template"]["metadata"]["labels"]]
        if not any(matches(wanted, labels) for labels in candidates):
            yield f"{name_of(document)}: selects no pod: {wanted}"
    for name, template in pods(documents):
        for constraint in template["spec"].get("topologySpreadConstraints", []):
            wanted = constraint["labelSelector"]["matchLabels"]
            if not matches(wanted, template["metadata"]["labels"]):
                yield f"{name}: spreads other pods: {wanted}"


def references(documents):
    """Targets of autoscalers, and service accounts, are there."""
    known = {name_of(d) for d in documents}
    for document in documents:
        if document["kind"] == "HorizontalPodAutoscaler":
            target = document["spec"]["scaleTargetRef"]
            if f"{target['kind']}/{target['name']}" not in known:
                yield f"{name_of(document)}: no {target['kind']}/{target['name']}"
            for workload in documents:
                if workload["kind"] == target["kind"] and "replicas" in workload["spec"]:
                    yield f"{name_of(workload)}: replicas, which the autoscaler owns"
    for name, template in pods(documents):
        account = template["spec"].get("serviceAccountName")
        if account and f"ServiceAccount/{account}" not in known:
            yield f"{name}: no ServiceAccount/{account}"


def ports(documents):
    """Ports have the names and numbers by which others ask for them."""
    declared, numbers = set(), set()
    for name, template in pods(documents):
        for container in containers(template):
            for port in container.get("ports", []):
                declared.add(port["name"])
                numbers.add(port["containerPort"])
                listened = environment(container)
                heard = " ".join(
                    listened.get(f"LOGITD_{kind}", "")
                    for kind in ("LISTEN", "ADMIN_HTTP")
                )
                if f"0.0.0.0:{port['containerPort']}" not in heard:
                    yield f"{name}: nobody listens on {port}"
    for document in documents:
        spec = document.get("spec", {})
        if document["kind"] == "Service":
            wanted = {port["targetPort"] for port in spec["ports"]}
        elif document["kind"] == "PodMonitor":
            wanted = {end["port"] for end in spec["podMetricsEndpoints"]}
        else:
            continue
        for port in wanted - declared - numbers:
            yield f"{name_of(document)}: no port {port}"


# ---- the programs -----------------------------------------------------------


def _command_problems(command):
    """A command of a probe: a program of the image, its words and flags."""
    program = os.path.basename(command[0])
    if command[0] != f"/usr/bin/{program}" or program not in ("logitd", "logitctl"):
        yield f"no program {command[0]} in the image"
        return
    if program != "logitctl":
        return
    if command[1] not in room.subcommands_of(program):
        yield f"logitctl has no command {command[1]}"
        return
    text = room.help_of(program, command[1])
    for word in command[2:]:
        flag = word.split("=")[0]
        if flag.startswith("-") and not re.search(rf"(?m)^  {flag}\b", text):
            yield f"logitctl {command[1]} has no flag {flag}"


def commands(documents):
    for name, template in pods(documents):
        for container in containers(template):
            for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
                probe = container.get(kind)
                if probe is None:
                    if image_of(container) == "logitd":
                        yield f"{name}: {container['name']} has no {kind}"
                    continue
                for problem in _command_problems(probe["exec"]["command"]):
                    yield f"{name}: {kind}: {problem}"
            for word in container.get("args", []):
                program = IMAGES.get(image_of(container), "logitd")
                flag = word.removeprefix("--").split("=")[0]
                if word.startswith("--") and flag not in room.flags_of(program):
                    yield f"{name}: {program} has no flag {word}"


def settings(documents):
    """The server takes the environment that its container gets."""
    flags = room.flags_of("logitd")
    for name, template in pods(documents):
        for container in containers(template):
            given = environment(container)
            for variable in given:
                flag = variable.removeprefix("LOGITD_").lower()
                if flag not in flags and variable not in CLIENT_ENV:
                    yield f"{name}: logitd has no flag --{flag}: {variable}"
            for variable in NOT_BOTH & set(given):
                yield f"{name}: {variable} is read by the probes' logitctl too"
            if image_of(container) != "logitd":
                continue
            done = room.run(
                room.BIN / "logitd", *container.get("args", []), "--print_config",
                env={"PATH": "/usr/bin", **given}, check=False,
            )  # fmt: skip
            if done.returncode != 0:
                yield f"{name}: {done.stderr.strip()}"
                continue
            used = yaml.safe_load(done.stdout)
            yield from _paths(name, container)
            yield from _times(name, template, used)
            yield from _memory(name, container, used)


def _paths(name, container):
    """Files that settings name lie in the image, or where a volume is mounted."""
    mounts = [m["mountPath"] for m in container.get("volumeMounts", [])]
    mounts.append("/usr/share/logitd/profiles")  # of the image
    values = [*environment(container).values(), *container.get("args", [])]
    for value in values:
        for path in re.findall(r"(?:^|unix:|,|=)(/[^,]*)", value):
            if not any(path == m or path.startswith(m + "/") for m in mounts):
                yield f"{name}: nothing is mounted at {path}"


def _seconds(duration):
    units = {"h": 3600, "m": 60, "s": 1, "ms": 0.001}
    parts = re.findall(r"([\d.]+)(ms|h|m|s)", duration)
    return sum(float(number) * units[unit] for number, unit in parts)


def _times(name, template, used):
    """What the drain takes, and 10 s to end, before the kubelet kills."""
    grace = template["spec"].get("terminationGracePeriodSeconds", 30)
    drain = _seconds(str(used["drain_timeout"]))
    if grace < drain + 10:
        yield f"{name}: {grace} s of grace are too few to drain for {drain} s"


def bytes_of(quantity):
    number, unit = re.fullmatch(r"(\d+)([KMG]i)?B?", str(quantity)).groups()
    return int(number) << {None: 0, "Ki": 10, "Mi": 20, "Gi": 30}[unit]


def unanswered_bytes(used):
    """What requests that are let in may hold at once."""
    streams, inflight = int(used["max_streams"]), int(used["max_inflight"])
    most = streams * inflight * bytes_of(used["max_step_bytes"])
    return min(most, bytes_of(used.get("max_unanswered_bytes", "512MiB")))


def waiting_bytes(used):
    """The same, and one that arrives on each stream."""
    arriving = int(used["max_streams"]) * bytes_of(used["max_step_bytes"])
    return arriving + unanswered_bytes(used)


def _memory(name, container, used):
    """Requests that wait fit, with 256 MiB for all else."""
    limit = bytes_of(container["resources"]["limits"]["memory"])
    needed = waiting_bytes(used) + (256 << 20)
    if limit < needed:
        yield f"{name}: requests may need {needed >> 20} MiB, the limit is {limit >> 20}"


# ---- safety -----------------------------------------------------------------


def restricted(documents):
    """Pod security "restricted", and what we ask on top."""
    for name, template in pods(documents):
        spec = template["spec"]
        for key in ("hostNetwork", "hostPID", "hostIPC"):
            if spec.get(key):
                yield f"{name}: {key}"
        if spec.get("automountServiceAccountToken") is not False:
            yield f"{name}: automountServiceAccountToken"
        for volume in spec.get("volumes", []):
            if not {"emptyDir", "configMap", "secret"} & set(volume):
                yield f"{name}: volume {volume}"
        for container in containers(template):
            where = f"{name}: {container['name']}"
            # What the pod says holds where the container says nothing.
            security = {**spec.get("securityContext", {}),
                        **container.get("securityContext", {})}  # fmt: skip
            wanted = {
                "runAsNonRoot": True,
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
                "seccompProfile": {"type": "RuntimeDefault"},
            }
            for key, value in wanted.items():
                if security.get(key) != value:
                    yield f"{where}: {key} is {security.get(key)}, not {value}"
            if not security.get("runAsUser"):
                yield f"{where}: runAsUser"
            if not re.fullmatch(r".+(:\d[\w.-]*|@sha256:[0-9a-f]{64})",
                                container["image"]):  # fmt: skip
                yield f"{where}: {container['image']} names no version"
            for kind in ("requests", "limits"):
                if "memory" not in container.get("resources", {}).get(kind, {}):
                    yield f"{where}: no memory in {kind}"


CHECKS = (
    accepted, names, volumes, selectors, references, ports, commands, settings,
    restricted,
)  # fmt: skip


def problems(documents):
    """Everything that is wrong. What the API refuses hides the rest."""
    refused = list(accepted(documents))
    if refused:
        return refused
    return [problem for check in CHECKS[1:] for problem in check(documents)]
