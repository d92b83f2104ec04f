"""What the API of Kubernetes accepts, from the declarations of official models.

The packages that deploy/dependencies.sh --test fetches hold one TypeScript
declaration for each type: its fields, their types, and which are required.
"""

import functools
import re

import room

ROOT = room.SOURCE / ".build/kubernetes"
CORE = ROOT / "core/dist/gen/models"
MONITORING = ROOT / "monitoring/monitoring.coreos.com/v1"

# What these strings may be is not in the declarations.
ENUMS = {
    ("V1Container", "restartPolicy"): {"Always"},
    ("V1Container", "imagePullPolicy"): {"Always", "IfNotPresent", "Never"},
    ("V1EmptyDirVolumeSource", "medium"): {"", "Memory"},
    ("V1SeccompProfile", "type"): {"RuntimeDefault", "Localhost"},
    ("V1TopologySpreadConstraint", "whenUnsatisfiable"): {
        "ScheduleAnyway", "DoNotSchedule",
    },
    ("V1NetworkPolicyPort", "protocol"): {"TCP", "UDP", "SCTP"},
    ("V2MetricSpec", "type"): {
        "Resource", "Pods", "Object", "External", "ContainerResource",
    },
    ("V2MetricTarget", "type"): {"Utilization", "Value", "AverageValue"},
    ("V2HPAScalingPolicy", "type"): {"Pods", "Percent"},
    ("V1PodDisruptionBudgetSpec", "unhealthyPodEvictionPolicy"): {
        "AlwaysAllow", "IfHealthyBudget",
    },
}  # fmt: skip
QUANTITY = re.compile(r"\d+(\.\d+)?(m|k|[MGTPE]|[KMGTPE]i)?")
QUANTITIES = {("V1EmptyDirVolumeSource", "sizeLimit")}


def require():
    """The reason why there are no models; None if there are."""
    for path in (CORE, MONITORING):
        if not path.is_dir():
            return f"no {path}: run deploy/dependencies.sh --test"
    return None


def _fields(text):
    """name -> (type, required) of the class that a declaration declares."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    body = re.search(r"(?ms)^export declare class \w+[^{]*\{(.*?)^\}", text)
    if not body:
        return None
    pattern = r"""(?ms)^    ['"](\w+|\$\w+)['"](\??): (.*?);$"""
    fields = {}
    for name, optional, kind in re.findall(pattern, body.group(1)):
        # A type in braces goes over three lines; this is its second.
        kind = " ".join(kind.split())
        if kind.startswith("{") and not kind.endswith("}"):
            kind += "; }"
        fields[name.lstrip("_")] = (kind, not optional)
    return fields


@functools.lru_cache(None)
def declaration(kind):
    """The declared text of a type, or None."""
    for folder in (CORE, MONITORING):
        name = kind.removeprefix("monitoring:")
        if (folder == MONITORING) != kind.startswith("monitoring:"):
            continue
        path = folder / f"{name}.d.ts"
        if path.is_file():
            return path.read_text()
    return None


@functools.lru_cache(None)
def fields(kind):
    text = declaration(kind)
    return _fields(text) if text else None


def _resolve(kind):
    """The name of the model that a type of the other package means."""
    monitoring = re.fullmatch(r"I?ComGithub\w+?ApisMonitoringV1(\w+)", kind)
    if monitoring:
        return f"monitoring:{monitoring.group(1)}"
    core = re.fullmatch(r"I?IoK8s\w+?(Meta|Core)(V1\w+)", kind)
    if core:
        return core.group(2)
    if re.fullmatch(r"I?IoK8s\w+(IntOrString|Quantity)", kind):
        return "IntOrString"
    return kind


def _alias(kind):
    """`export type X = "a" | "b";` or `= string;`: the right side, or None."""
    text = declaration(kind) or ""
    match = re.search(r"(?m)^export type I?\w+ = (.*);$", text)
    return match.group(1) if match else None


def type_of(document):
    """The model of a manifest by its apiVersion and kind."""
    group, _, version = document.get("apiVersion", "").rpartition("/")
    kind = document.get("kind", "")
    if group == "monitoring.coreos.com":
        return f"monitoring:{kind}"
    return version[:1].upper() + version[1:] + kind


PRIMITIVES = {
    "string": lambda v: isinstance(v, str),
    "number": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "boolean": lambda v: isinstance(v, bool),
    "IntOrString": lambda v: isinstance(v, (int, str)) and not isinstance(v, bool),
    "any": lambda v: True,
    "object": lambda v: isinstance(v, dict),
    "Date": lambda v: isinstance(v, str),
}


def check(kind, value, path):
    """Yields what is wrong with a value that must be of a type."""
    kind = _resolve(kind)
    if kind in PRIMITIVES:
        if not PRIMITIVES[kind](value):
            yield f"{path}: {value!r} is no {kind}"
        return
    if re.fullmatch(r'"[^"]*"( \| "[^"]*")*', kind):
        if value not in re.findall(r'"([^"]*)"', kind):
            yield f"{path}: {value!r} is not one of {kind}"
        return
    items = re.fullmatch(r"(?:Array|Set)<(.*)>", kind)
    if items:
        if not isinstance(value, list):
            yield f"{path}: {value!r} is no list"
            return
        for number, item in enumerate(value):
            yield from check(items.group(1), item, f"{path}[{number}]")
        return
    entries = re.fullmatch(r"\{ \[key: string\]: (.*); \}", kind)
    if entries:
        if not isinstance(value, dict):
            yield f"{path}: {value!r} is no map"
            return
        for key, item in value.items():
            yield from check(entries.group(1), item, f"{path}.{key}")
        return
    yield from _check_model(kind, value, path)


def _check_model(kind, value, path):
    known = fields(kind)
    if known is None:
        alias = _alias(kind)
        if alias is None:
            yield f"{path}: no model of {kind}"
        else:
            yield from check(alias, value, path)
        return
    if not isinstance(value, dict):
        yield f"{path}: {value!r} is no {kind}"
        return
    for name, (field, required) in known.items():
        if name in value:
            yield from check(field, value[name], f"{path}.{name}")
        elif required:
            yield f"{path}.{name}: missing"
    for name, item in value.items():
        if name not in known:
            yield f"{path}.{name}: {kind} has no such field"
        if item not in ENUMS.get((kind, name), [item]):
            yield f"{path}.{name}: {item!r} is not known"
    yield from _check_quantities(kind, value, path)


def _check_quantities(kind, value, path):
    if kind == "V1ResourceRequirements":
        found = [q for k in ("requests", "limits") for q in value.get(k, {}).values()]
    else:
        found = [v for k, v in value.items() if (kind, k) in QUANTITIES]
    for quantity in found:
        if not QUANTITY.fullmatch(str(quantity)):
            yield f"{path}: {quantity!r} is no quantity"
