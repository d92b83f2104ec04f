"""What the tests of this room share: where things lie, and how tests end."""

import functools
import os
import pathlib
import signal
import subprocess
import sys
import unittest

SOURCE = pathlib.Path(
    os.environ.get("LOGITD_SOURCE_DIR") or pathlib.Path(__file__).parents[2]
)
BUILD = pathlib.Path(
    os.environ.get("LOGITD_BUILD_DIR") or SOURCE / ".build" / "release"
)
BIN = BUILD / "bin"
SKIPPED = 77  # what tests/CMakeLists.txt tells ctest to call "skipped"


def run(*command, check=True, input=None, **options):
    """The finished process, with its output as text.

    It gets a group of its own, so that all of it ends if we are ended.
    """
    words = [str(part) for part in command]
    with subprocess.Popen(
        words, text=True, start_new_session=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, stdin=subprocess.PIPE, **options,
    ) as process:  # fmt: skip
        try:
            output, errors = process.communicate(input)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    if check and process.returncode != 0:
        raise AssertionError(
            f"exit code {process.returncode}: {' '.join(words)}\n{output}{errors}"
        )
    return subprocess.CompletedProcess(words, process.returncode, output, errors)


@functools.lru_cache(None)
def help_of(program, *command):
    return run(BIN / program, *command, "--help").stdout


def flags_of(program):
    """The flags that `program --help` lists, without the dashes."""
    lines = help_of(program).splitlines()
    starts = [line.split()[0] for line in lines if line.startswith("  -")]
    return {s.split(",")[-1].removeprefix("--").split("=")[0] for s in starts}


def subcommands_of(program):
    text = help_of(program).split("Subcommands:\n")[1].split("\n\n")[0]
    return {
        line.split()[0]
        for line in text.splitlines()
        if line.startswith("  ") and not line.startswith("   ")
    }


def not_executed(reason):
    """Ends the test as skipped; tests/run.sh prints such lines last."""
    print(f"NOT EXECUTED: {reason}")
    sys.exit(SKIPPED)


def main():
    """Runs the tests of the program; what was skipped is told, and its code."""
    result = unittest.main(verbosity=2, module="__main__", exit=False).result
    if not result.wasSuccessful():
        sys.exit(1)
    for test, reason in result.skipped:
        print(f"NOT EXECUTED: {test}: {reason}")
    sys.exit(SKIPPED if result.skipped else 0)
