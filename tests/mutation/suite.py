"""The tests that are to kill mutants, the quick ones first."""

import os
import re
import resource
import subprocess
import time

from scratch import WITH_AVX512, WITHOUT_VECTORS

MEMORY = 8 << 30
BOUND = 15  # seconds beyond four times what the unchanged sampler takes

# What takes long and judges the tests or the distribution of many draws.
SLOW = "KnownBug*:Draw.*:DrawTrial.*:Targets.*"
# What takes as long as all the others, and is seldom the first to notice.
LATER = "Dialect*:DigestCases.*"
# (name, what runs, what does not). The digest comes last: it sees any change of
# a number, but does not know which number is right. Agreement knob by knob takes
# a minute and killed none that these let pass.
STAGES = [
    ("behaviour", "*AVX2*:*",
     "*EMU128*:*AVX3*:Agreement.*:DigestOfCases.*:" + LATER + ":" + SLOW),
    ("dialects", LATER, "*EMU128*:*AVX3*"),
    ("together", "Agreement.*Random*/Everything_AVX2:Agreement.*Random*/Truncations_AVX2", ""),
    ("scalar", "*EMU128*", "Agreement.*:DigestOfCases.*"),
    ("digest", "DigestOfCases.IsTheGoldenOne/AVX2", ""),
]  # fmt: skip
# What survives them is looked at again, see second_look().
VECTORLESS_LOOKS = [("vectorless", "*SCALAR*", "Agreement.*")]
AVX512_LOOKS = [
    ("avx512", "*AVX3*:Reads.AreThoseOnRecord", "Agreement.*:DigestOfCases.*"),
    ("avx512", "DigestOfCases.IsTheGoldenOne/AVX3", ""),
]
HEADER_LOOKS = [("headers", STAGES[0][1], STAGES[0][2])]
SECOND_LOOKS = VECTORLESS_LOOKS + AVX512_LOOKS + HEADER_LOOKS


def limit_memory():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run_stage(binary, root, stage, bound):
    """None if all pass, else what killed: a test's name, or how it ended."""
    _, run, without = stage
    chosen = run + ("-" + without if without else "")
    try:
        result = subprocess.run(
            [binary, "--gtest_filter=" + chosen, "--gtest_fail_fast"]
            + ["--gtest_brief=1"],
            cwd=root,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=bound,
            preexec_fn=limit_memory,
            env={**os.environ, "GTEST_COLOR": "no"},
        )
    except subprocess.TimeoutExpired:
        return "time"
    if result.returncode == 0:
        return None
    for line in result.stdout.splitlines():
        if line.startswith("[  FAILED  ] ") and "." in line:
            return line.removeprefix("[  FAILED  ] ").split(",")[0].split(" (")[0]
    return f"exit {result.returncode}"


def measure(binary, root, stages):
    """The bound of each stage, from the unchanged sampler, which must pass."""
    bounds = {}
    for stage in stages:
        start = time.monotonic()
        killer = run_stage(binary, root, stage, 1200)
        if killer is not None:
            raise SystemExit(f"the unchanged sampler fails: {stage[0]}: {killer}")
        bounds[stage[0]] = BOUND + 4 * (time.monotonic() - start)
    return bounds


def has_avx512():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        return "avx512_vbmi2" in file.read()


def second_look(scratch, root, file, bound):
    """As judge(), of a mutant that it let live: kernels without vectors and for
    AVX-512, headers with the tests that read them too."""
    killed = None
    if "/kernels/" in file:
        killed = look_without_vectors(scratch, root, bound) or look_with_avx512(
            scratch, root, bound
        )
    if killed is None and file.endswith(".h") and scratch.make_with_tests(file):
        killed = first_killer(scratch.binary, root, HEADER_LOOKS, bound)
    return killed


def look_without_vectors(scratch, root, bound):
    if not scratch.make_kernels(WITHOUT_VECTORS, scratch.link):
        return None
    return first_killer(scratch.binary, root, VECTORLESS_LOOKS, bound)


def look_with_avx512(scratch, root, bound):
    """The digest alone, emulated, where the processor has no AVX-512."""
    native = has_avx512()
    link = scratch.link if native else scratch.link_digest
    if not scratch.make_kernels(WITH_AVX512, link):
        return None
    if native:
        return first_killer(scratch.binary, root, AVX512_LOOKS, bound)
    emulated = subprocess.run(
        [os.path.join(root, "tests/emulation/run.sh"), "--target", "avx512"]
        + ["--program", scratch.digest],
        capture_output=True,
        text=True,
        errors="replace",
    )
    found = re.search(r"AVX3 (under bochs): (DIFFERS|FAILED)", emulated.stdout)
    return ("avx512", "the digest " + found.group(1)) if found else None


def first_killer(binary, root, stages, bound):
    for stage in stages:
        killer = run_stage(binary, root, stage, bound)
        if killer is not None:
            return stage[0], killer
    return None


def judge(binary, root, file, stages, bounds):
    """(stage, killer), or None for a survivor."""
    for stage in stages:
        # All but the kernels is the same code on every target.
        if stage[0] == "scalar" and "/kernels/" not in file:
            continue
        killer = run_stage(binary, root, stage, bounds[stage[0]])
        if killer is not None:
            return stage[0], killer
    return None
