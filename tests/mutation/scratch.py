"""Builds the sampler's tests with one file of the sampler changed, by as few
compilations as that file needs: the tests are those of the build tree, the
sampler is compiled beside it at -O1, for the targets that every machine has. What
survives so can be built again: for AVX-512, without vectors, or with the tests
that read the header."""

import concurrent.futures
import glob
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess

TARGETS = "HWY_DISABLED_TARGETS=(HWY_SSSE3|HWY_SSE4|HWY_AVX3|HWY_AVX3_DL)"
# For second looks: AVX-512 takes as long to compile as all others.
WITH_AVX512 = "HWY_DISABLED_TARGETS=(HWY_SSSE3|HWY_SSE4)"
WITHOUT_VECTORS = "HWY_COMPILE_ONLY_SCALAR"


# HIDDEN: the same to the sampler here, but not to all that compiles the file.
MADE, REFUSED, SAME, HIDDEN = "made", "refused", "same", "hidden"


class Scratch:
    """A copy of sampler/ with objects of its own. One mutant at a time."""

    def __init__(self, root, build, folder):
        self.root, self.build, self.folder = root, build, folder
        os.makedirs(folder, exist_ok=True)
        self.binary = os.path.join(folder, "sampler_test")
        self.digest = os.path.join(folder, "logitd_digest")
        shutil.copytree(
            os.path.join(root, "sampler"),
            os.path.join(folder, "sampler"),
            dirs_exist_ok=True,
        )
        self.tests = {}
        self.commands = self._commands()
        self.link = self._link(self.binary)
        self.link_digest = self._link(self.digest)
        self.needs = {}  # source: headers of sampler/ that it reads
        self.stale = set()  # sources whose objects are those of another mutant
        self.unchanged = {}  # source: its object's bytes without any mutant
        self.targets = TARGETS
        self._precompile()

    def twin(self, number):
        """Another copy, with the objects made so far."""
        folder = os.path.join(os.path.dirname(self.folder), str(number))
        shutil.copytree(self.folder, folder)
        other = Scratch(self.root, self.build, folder)
        other.needs = {name: set(needs) for name, needs in self.needs.items()}
        other.unchanged = self.unchanged
        return other

    def _commands(self):
        """The build's own command for each source of the sampler, changed; of the
        tests as it is."""
        path = os.path.join(self.build, "compile_commands.json")
        with open(path, encoding="utf-8") as file:
            entries = json.load(file)
        found = {}
        for entry in entries:
            name = os.path.relpath(entry["file"], self.root)
            words = shlex.split(entry["command"])
            words = words[next(i for i, w in enumerate(words) if "clang" in w) :]
            if name.startswith("tests/"):
                self.tests[name] = words
            if not name.startswith("sampler/"):
                continue
            kept = [
                w
                for w in words[1 : words.index("-o")]
                if not re.match(r"-W|-O|-D_FORTIFY|-fstack|-DHWY_DISABLED", w)
            ]
            # The same code in every folder.
            kept.append(f"-ffile-prefix-map={self.folder}=.")
            found[name] = [words[0], "-I" + self.folder, *kept, "-O1", "-w"]
        return found

    def _link(self, binary):
        built = "bin/" + os.path.basename(binary)
        text = subprocess.run(
            ["ninja", "-C", self.build, "-t", "commands", built],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.splitlines()[-1]
        words = shlex.split(text.split("&&")[1])
        objects = [self._object(name) for name in sorted(self.commands)]
        at = next(i for i, w in enumerate(words) if w.endswith(".o"))
        # First, so that inline functions are those of the mutant.
        words[at:at] = objects
        out = words.index("-o")
        words[out + 1] = binary
        left = ("sampler/liblogitd_sampler.a", "sampler/liblogitd_kernels.a")
        return [w for w in words if w not in left] + ["-fuse-ld=lld"]

    def _object(self, name):
        return os.path.join(self.folder, name.replace("/", "_") + ".o")

    def _precompile(self):
        """What the sampler includes of others, read once."""
        headers = set()
        for path in glob.glob(os.path.join(self.root, "sampler", "*.*")):
            with open(path, encoding="utf-8") as file:
                found = re.findall(r'#include ("absl/.*?"|<[a-z_0-9]+>)', file.read())
                headers.update(found)
        path = os.path.join(self.folder, "others.h")
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(f"#include {header}\n" for header in sorted(headers))
        command = self.commands["sampler/prefix.cc"]
        subprocess.run(
            [*command, "-x", "c++-header", path, "-o", path + ".pch"], check=True
        )
        self.pch = ["-include-pch", path + ".pch"]

    def _compile(self, name):
        source = os.path.join(self.folder, name)
        depends = self._object(name) + ".d"
        kernel = "/kernels/" in name
        extra = ["-D" + self.targets] if kernel else self.pch
        result = subprocess.run(
            [*self.commands[name], *extra, "-MMD", "-MF", depends]
            + ["-c", source, "-o", self._object(name)],
            capture_output=True,
            text=True,
            cwd=self.build,
        )
        if result.returncode == 0:
            with open(depends, encoding="utf-8") as file:
                read = re.findall(r"\S*sampler/\S+\.h", file.read())
            self.needs[name] = {
                "sampler/" + x.rsplit("sampler/", 1)[1] for x in read
            }
        return result.returncode == 0

    def make(self, files):
        """Compiles what reads the files and links. REFUSED by the compiler, or
        the SAME to it: then the binary is none of this mutant."""
        same = True
        for name in sorted(self.commands):
            touched = name in files or self.needs[name] & set(files)
            if not touched and name not in self.stale:
                continue
            if not self._compile(name):
                return REFUSED
            self.stale.discard(name)
            same = same and self._code(name) == self.unchanged[name]
        if same:
            return SAME
        return MADE if self._linked(self.link) else REFUSED

    def make_kernels(self, targets, link):
        """The kernels of this mutant once more, for other targets, in the program
        that `link` makes; True if that could be built."""
        kernels = {name for name in self.commands if "/kernels/" in name}
        self.targets = targets
        made = all(self._compile(name) for name in sorted(kernels))
        self.targets = TARGETS
        self.stale |= kernels
        return made and self._linked(link)

    def make_with_tests(self, file):
        """The mutant in the header `file` once more, with the tests that include
        it; True if there are any and they could be built."""
        objects = []
        for name, words in sorted(self.tests.items()):
            if not re.match(r"tests/(sampler|support)/", name):
                continue
            with open(os.path.join(self.root, name), encoding="utf-8") as source:
                if f'#include "{file}"' not in source.read():
                    continue
            at = words.index("-o") + 1
            objects.append((words[at], os.path.join(self.folder, "t%d.o" % len(objects))))
            command = [words[0], "-I" + self.folder, *words[1:at], objects[-1][1]]
            command += [*words[at + 1 :], "-w"]
            if subprocess.run(command, capture_output=True, cwd=self.build).returncode:
                return False
        replaced = {theirs for theirs, _ in objects}
        left = [w for w in self.link if w not in replaced]
        at = next(i for i, w in enumerate(left) if w.endswith(".o"))
        link = left[:at] + [ours for _, ours in objects] + left[at:]
        return bool(objects) and self._linked(link)

    def _code(self, name):
        with open(self._object(name), "rb") as file:
            return hashlib.sha256(file.read()).digest()

    def make_all(self, jobs):
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            made = all(pool.map(self._compile, sorted(self.commands)))
        if made:
            self.unchanged = {name: self._code(name) for name in self.commands}
        return made and self._linked(self.link)

    def _linked(self, link):
        return subprocess.run(link, capture_output=True, cwd=self.build).returncode == 0

    def write(self, file, text):
        with open(os.path.join(self.folder, file), "w", encoding="utf-8") as out:
            out.write(text)

    def read_original(self, file):
        with open(os.path.join(self.root, file), encoding="utf-8") as source:
            return source.read()
