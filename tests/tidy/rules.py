"""The house rules: each takes a Source and yields (line, what is wrong).

A rule's message says what to do instead. RULES lists them; tidy_canary_test.py
has a bad sample for each. Patterns here are written so that they do not match
this file.
"""

import os
import re

from source import functions

TOP_LEVEL = {
    "proto", "service", "sampler", "deploy", "tests",
    "CMakeLists.txt", "CMakePresets.json", "README.md",
}  # fmt: skip

FILE_AIM, FILE_LIMIT, LONG_FILE_LIMIT = 200, 500, 800
FUNCTION_LIMIT = 70
COLUMNS = 80

# ---- who may include whom ---------------------------------------------------
# (paths, includes that they may not have, the reason or the way out)

GRPC = r"^(grpc|grpcpp|grpc\+\+)/"
PROTOBUF = r"^google/(protobuf|rpc)/|\.pb\.h$"

INCLUDES = [
    (
        r"^sampler/",
        GRPC + "|" + PROTOBUF + r"|^prometheus/|^yaml-cpp/|^(service|tests)/|"
        r"^(fstream|iostream|ostream|cstdio|stdio\.h|filesystem|chrono|ctime)$|"
        r"^absl/time/|^(thread|mutex|random)$",
        "the sampler is pure: numbers in, a token out",
    ),
    (
        r"^sampler/kernels/",
        r"^sampler/(?!kernels/)|^absl/",
        "kernels know nobody: pass numbers and pointers",
    ),
    (
        r"^(sampler|service)/",
        r"^(imm|xmm|emm|smm|tmm|x86|avx.*)intrin\.h$|^arm_neon\.h$",
        "vector code goes through Highway, in sampler/kernels",
    ),
    (
        r"^service/session/",
        GRPC + "|" + PROTOBUF + r"|^prometheus/",
        "a session knows no wire: translate in service/convert",
    ),
    (
        r"^service/(?!client/)",
        PROTOBUF,
        "only service/convert translates between wire and sampler",
    ),
    (
        r"^service/client/",
        r"^service/(?!client/|transport/layout\.h$|session/history_chain\.h$)|^sampler/",
        "clients know the contract, never the server",
    ),
    (
        r"^service/(?!client/)",
        r"^service/client/",
        "the server knows no client",
    ),
    (r"^(sampler|service)/", r"^tests/", "nothing depends on tests"),
    (
        r"^tests/oracle/",
        r"^(sampler|service)/|^hwy/",
        "the oracle links nothing of what it judges",
    ),
    (
        r"^tests/support/(?!service_)",
        GRPC + "|" + PROTOBUF,
        "what needs gRPC is named tests/support/service_*",
    ),
]

# Files that a rule above lets through: (file, include, why it may).
INCLUDES_ALLOWED = [
    (r"^service/convert[^/]*\.(h|cc)$", PROTOBUF, "the translator"),
    (r"^service/\w*_service\.(h|cc)$", PROTOBUF, "the handlers"),
    (
        r"^service/(server|stream|step|once|unary_call|inquir|lists|explain|sweep|verify|preflight|status|health|built|profile_watch)\w*\.(h|cc)$",
        PROTOBUF,
        "the doors: from the wire to a session and back",
    ),
    (r"^service/profiles/", PROTOBUF, "a profile is a message of the contract"),
    (
        r"^service/main\.cc$",
        r"^google/protobuf/stubs/logging\.h$",
        "no message: where its log goes",
    ),
    (
        r"^service/client/logitctl/",
        r"^service/profiles/(lint|nearest|profile_file)\.h$",
        "a file is checked without a server, in the same words",
    ),
    (
        r"^sampler/float_environment\.h$",
        r"^xmmintrin\.h$",
        "sets the rounding mode, computes nothing",
    ),
]


def includes(source):
    if not source.is_cpp:
        return
    for line, path in source.includes():
        for files, banned, reason in INCLUDES:
            if not re.search(files, source.path):
                continue
            if not re.search(banned, path):
                continue
            allowed = any(
                re.search(f, source.path) and re.search(i, path)
                for f, i, _ in INCLUDES_ALLOWED
            )
            if not allowed:
                yield line, f"may not include {path}: {reason}"


# ---- sizes ------------------------------------------------------------------


def file_length(source):
    count = len(source.lines)
    if source.path == "CMakeLists.txt":
        limit = 120
    elif source.is_cpp or source.path.endswith((".py", ".sh", ".cmake")):
        is_long = source.path.startswith("tests/") or source.path.endswith("-inl.h")
        limit = LONG_FILE_LIMIT if is_long and source.is_cpp else FILE_LIMIT
    else:
        return
    if count > limit:
        yield limit, f"{count} lines, the limit is {limit}: split it by what it does"


def function_length(source):
    if not source.is_cpp:
        return
    for first, last, signature in functions(source):
        length = last - first + 1
        if length > FUNCTION_LIMIT:
            yield first, (
                f"{length} lines, the limit is {FUNCTION_LIMIT}: {signature[:60]}"
            )


def columns(source):
    if not source.is_cpp:
        return
    for number, line in enumerate(source.lines, 1):
        unbreakable = "://" in line or re.match(r"\s*#\s*(include|ifndef|define)", line)
        if len(line) > COLUMNS and not unbreakable:
            yield number, f"{len(line)} columns, the limit is {COLUMNS}"


# ---- words ------------------------------------------------------------------
# (paths, pattern in the code, what to do instead)

PRODUCT = r"^(sampler|service)/.*\.(h|cc)$"
CPP = r"\.(h|cc)$"
# The peer of the bench is built as its users build it.
BUILD = r"^(?!tests/bench/peer).*(CMakeLists\.txt|CMakePresets\.json|\.cmake|\.sh|\.ci/run)$"

CODE_WORDS = [
    (
        CPP,
        r"\bstd::discrete_distribution\b",
        "differs between libraries: draw with sampler/race.h",
    ),
    (
        PRODUCT,
        r"\bstd::\w+_distribution\b",
        "differs between libraries: draw with sampler/race.h",
    ),
    (
        PRODUCT,
        r"\bstd::(mt19937(_64)?|default_random_engine|minstd_rand0?|random_device)\b",
        "randomness is a pure function: sampler/noise.h",
    ),
    (CPP, r"(?<![\w.>:])(std::)?s?rand\s*\(", "use sampler/noise.h"),
    (
        r"^(sampler|service)/(?!main\.cc|log\.|client/|demo/|\w+_main\.cc).*\.(h|cc)$",
        r"\bstd::(cout|cerr|clog)\b|(?<![\w.>])(std::)?f?printf\s*\(",
        "log through service/log.h; the sampler never prints",
    ),
    (
        r"^sampler/.*\.(h|cc)$",
        r"(?<![\w.>])(std::)?(abort|exit|_Exit|quick_exit|terminate)\s*\(",
        "the sampler never ends the process: return a status",
    ),
    (CPP, r"\brecursive_mutex\b", "know which lock you hold: std::mutex"),
    (PRODUCT, r"\babsl::Mutex\b", "TSan cannot see into it: std::mutex"),
    (CPP, r"\.\s*detach\s*\(\s*\)", "somebody must join it: own the thread"),
    (CPP, r"\busing\s+namespace\s+std\b", "name what you use"),
    (CPP, r"(?m)^\s*#\s*if\s+0\b", "delete it: git remembers"),
]

TEXT_WORDS = [
    (r"", r"\bFIX" + r"ME\b", "fix it, or say plainly what is not there yet"),
    (r"", r"\bTO" + r"DO\b", "do it, or say plainly what is not there yet"),
    (BUILD, r"-march=" + r"native\b", "kernels dispatch at run time"),
    (BUILD, r"-ffast" + r"-math\b", "every bit counts: see determinism"),
    (BUILD, r"-Ofa" + r"st\b", "every bit counts: see determinism"),
]

# What belongs to the place where this was written, not to the product.
WORKSHOP_WORDS = [
    (r"(?<![\w.}~-])/wo" + r"rk/", "a path of somebody's machine"),
    (r"(?i)\bissue\s+#\s?\d", "tell the story, not the number"),
    (
        r"(?i)\b(in|by|of|from|since|until|after|before|this was) session #?\d+\b",
        "the history of the work is git's",
    ),
]

_HOSTS = [
    r"registry\.npmjs",
    r"npmjs\.(com|org)",
    r"registry\.yarnpkg",
    r"(?<!\w)pypi\.org",
    r"pythonhosted\.org",
    r"(?<!\w)(deb|security|ftp)\.debian\.org",
    r"archive\.ubuntu\.com",
    r"proxy\.golang\.org",
    r"(?<!\w)crates\.io",
    r"rubygems\.org",
    r"repo\d*\.maven",
]
REGISTRY = re.compile("|".join(_HOSTS))


def _matches(pattern, text):
    for match in re.finditer(pattern, text):
        yield text.count("\n", 0, match.start()) + 1, match.group().strip()


def banned_code(source):
    for files, pattern, instead in CODE_WORDS:
        if re.search(files, source.path):
            for line, found in _matches(pattern, source.code):
                yield line, f"{found!r}: {instead}"


def banned_text(source):
    for files, pattern, instead in TEXT_WORDS:
        if re.search(files, source.path):
            for line, found in _matches(pattern, source.text):
                yield line, f"{found!r}: {instead}"


def workshop_words(source):
    for pattern, reason in WORKSHOP_WORDS:
        for line, found in _matches(pattern, source.text):
            yield line, f"{found!r}: {reason}"


def registry_hosts(source):
    for line, found in _matches(REGISTRY, source.text):
        yield line, f"{found!r}: packages are asked for by name only"


# ---- documents in the code --------------------------------------------------


def purpose(source):
    """A header, or a product source without one, opens by saying what it is."""
    is_header = source.path.endswith(".h")
    is_product = re.search(PRODUCT, source.path) is not None
    if not is_header and not (is_product and not source.has_header):
        return
    lines = [line for line in source.lines if line.strip()]
    if not lines or not re.match(r"//\s*\S.{15,}", lines[0]):
        yield 1, "open with a comment: what this file gives, what it must not know"


def include_guard(source):
    if not source.path.endswith(".h") or source.path.endswith("-inl.h"):
        return
    name = "LOGITD_" + re.sub(r"\W", "_", source.path).upper() + "_"
    if f"#ifndef {name}\n#define {name}\n" not in source.text:
        yield 1, f"the include guard is {name}"


# ---- tests that run ---------------------------------------------------------


def dead_tests(source):
    if source.is_cpp:
        pattern = r"(?m)(//|/\*)[ \t]*(TYPED_)?TEST(_[FP])?[ \t]*\("
        for line, _ in _matches(pattern, source.comments):
            yield line, "a commented-out test: run it or delete it"
        for line, found in _matches(r"\bDISABLED_\w+", source.code):
            yield line, f"{found}: run it or delete it"
    elif source.path.endswith("CMakeLists.txt"):
        pattern = r"(?m)^\s*#\s*(logitd_\w+|add_test|gtest_\w+)\s*\([A-Za-z]"
        for line, _ in _matches(pattern, source.text):
            if source.path != "tests/CMakeLists.txt":
                yield line, "a commented-out registration: run it or delete it"


def registered_tests(source, rooms):
    """rooms: the folders that tests/CMakeLists.txt globs."""
    parts = source.path.split("/")
    if parts[0] != "tests":
        if re.search(r"(?<!self)_(test|fuzz|bench)\.cc$", source.path):
            yield 1, "tests live in tests/"
        return
    name = parts[-1]
    folder = parts[1] if len(parts) > 2 else ""
    if name.endswith("_test.cc") and folder not in rooms:
        yield 1, f"no logitd_room({folder}) in tests/CMakeLists.txt runs it"
    if name.endswith(("_test.py", "_test.sh")):
        if folder not in rooms or len(parts) != 3:
            yield 1, "no room runs it: it must lie directly in tests/<room>/"
    if name.endswith("_fuzz.cc") and (folder != "fuzz" or len(parts) != 3):
        yield 1, "fuzzers lie directly in tests/fuzz/"


def rooms_of(cmake_text):
    return set(re.findall(r"(?m)^logitd_room\((\w+)", cmake_text))


# ---- scripts and the tree ---------------------------------------------------


# Read by other scripts, never run.
SOURCED = {"box.sh", "buf.sh"}


def scripts(source):
    is_script = source.path.endswith(".sh") or source.path == ".ci/run"
    if not is_script:
        return
    if not source.text.startswith("#!"):
        yield 1, "a script says who runs it: #!/usr/bin/env bash"
    # Without -e a script must look after each failure itself, and may.
    if not re.search(r"(?m)^set (-euo|-uo|-u -o) pipefail$", source.text):
        yield 1, "set -euo pipefail"
    if not source.mode & 0o100 and os.path.basename(source.path) not in SOURCED:
        yield 1, "make it executable"


def top_level(source):
    first = source.path.split("/")[0]
    if first not in TOP_LEVEL and not first.startswith("."):
        yield 1, f"the top level is fixed: {first} belongs in a room"


RULES = [
    includes,
    file_length,
    function_length,
    columns,
    banned_code,
    banned_text,
    workshop_words,
    registry_hosts,
    purpose,
    include_guard,
    dead_tests,
    registered_tests,
    scripts,
    top_level,
]
