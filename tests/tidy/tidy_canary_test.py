#!/usr/bin/env python3
"""Each house rule must fire on a bad sample and be silent on a good one.

A rule that nothing can break guards nothing. The words that a rule bans are
put together here from pieces, so that this file keeps the rules itself.
"""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import rules
import tidy_test
from source import Source, functions

CMAKE = Source("tests/CMakeLists.txt", "logitd_room(sampler LIBS x)\n")
HEADER = "// Says in one sentence what this file gives.\n\n"


def guard(path):
    name = "LOGITD_" + path.replace("/", "_").replace(".", "_").upper() + "_"
    return f"#ifndef {name}\n#define {name}\n"


def body_of(lines):
    return "void F() {\n" + "  G();\n" * lines + "}\n"


# rule: [(path, bad text)...], [(path, good text)...]
SAMPLES = {
    "includes": (
        [
            ("sampler/a.cc", "#include <grpcpp/grpcpp.h>\n"),
            ("sampler/a.cc", "#include <google/protobuf/message.h>\n"),
            ("sampler/a.cc", '#include "logitd/v1/params.pb.h"\n'),
            ("sampler/a.cc", "#include <prometheus/counter.h>\n"),
            ("sampler/a.cc", "#include <fstream>\n"),
            ("sampler/a.cc", "#  include <iostream>\n"),
            ("sampler/a.cc", "#include <chrono>\n"),
            ("sampler/a.cc", '#include "service/log.h"\n'),
            ("sampler/a.cc", "#include <immintrin.h>\n"),
            ("sampler/kernels/a.cc", '#include "sampler/plan.h"\n'),
            ("sampler/kernels/a.cc", '#include "absl/status/status.h"\n'),
            ("service/session/session.h", "#include <grpcpp/grpcpp.h>\n"),
            ("service/session/session.h", '#include "logitd/v1/step.pb.h"\n'),
            ("service/metrics.cc", '#include "logitd/v1/step.pb.h"\n'),
            ("service/metrics.cc", '#include "service/client/client.h"\n'),
            ("service/client/client.cc", '#include "service/server.h"\n'),
            ("service/client/client.cc", '#include "sampler/params.h"\n'),
            ("service/server.cc", '#include "tests/support/rows.h"\n'),
            ("tests/oracle/oracle.cc", '#include "sampler/params.h"\n'),
            ("tests/support/a.h", "#include <grpcpp/grpcpp.h>\n"),
        ],
        [
            ("sampler/a.cc", "// #include <grpcpp/grpcpp.h>\n#include <vector>\n"),
            ("sampler/a.cc", '#include "absl/status/status.h"\n'),
            ("sampler/float_environment.h", "#include <xmmintrin.h>\n"),
            ("sampler/kernels/a.cc", "#include <hwy/highway.h>\n"),
            ("service/convert.cc", '#include "logitd/v1/step.pb.h"\n'),
            ("service/convert_params.h", '#include "logitd/v1/step.pb.h"\n'),
            ("service/sampling_service.cc", '#include "logitd/v1/x.grpc.pb.h"\n'),
            ("service/server.cc", "#include <grpcpp/grpcpp.h>\n"),
            ("service/client/client.cc", '#include "logitd/v1/x.grpc.pb.h"\n'),
            ("tests/support/service_a.h", "#include <grpcpp/grpcpp.h>\n"),
            ("tests/service/a_test.cc", '#include "logitd/v1/step.pb.h"\n'),
        ],
    ),
    "file_length": (
        [
            ("service/a.cc", "\n" * 501),
            ("tests/service/a_test.cc", "\n" * 801),
            ("deploy/a.sh", "\n" * 501),
            ("CMakeLists.txt", "\n" * 121),
        ],
        [
            ("service/a.cc", "\n" * 500),
            ("sampler/kernels/a-inl.h", "\n" * 800),
            ("tests/service/a_test.cc", "\n" * 800),
            ("sampler/README.md", "\n" * 2000),
        ],
    ),
    "function_length": (
        [
            ("service/a.cc", body_of(69)),
            ("service/a.cc", "namespace a {\nclass B {\n" + body_of(69) + "};\n}\n"),
            ("service/a.cc", "A::A(int b)\n    : b_{b}, c_(b) " + body_of(69)[9:]),
            ("tests/a/b_test.cc", "TEST(A, B) " + body_of(69)[9:]),
        ],
        [
            ("service/a.cc", body_of(68)),
            ("service/a.cc", "namespace a {\n" + body_of(40) * 3 + "}\n"),
            ("service/a.cc", "const int kA[] = {\n" + "  F(1),\n" * 90 + "};\n"),
        ],
    ),
    "columns": (
        [("service/a.cc", "int a;" + " " * 75 + "\n")],
        [
            ("service/a.cc", "// https://" + "a" * 90 + "\n"),
            ("service/a.cc", '#include "' + "a" * 90 + '"\n'),
            ("sampler/README.md", "a" * 200 + "\n"),
        ],
    ),
    "banned_code": (
        [
            ("tests/a/b_test.cc", "std::discrete_distribution<int> d;\n"),
            ("sampler/a.cc", "std::normal_distribution<float> d;\n"),
            ("sampler/a.cc", "std::mt19937_64 r;\n"),
            ("service/a.cc", "std::random_device r;\n"),
            ("tests/a/b_test.cc", "int a = rand();\n"),
            ("sampler/a.cc", "std::cout << 1;\n"),
            ("service/a.cc", "std::cerr << 1;\n"),
            ("service/a.cc", 'fprintf(stderr, "a");\n'),
            ("sampler/a.cc", "std::abort();\n"),
            ("service/a.h", "std::recursive_mutex mu_;\n"),
            ("service/a.h", "absl::Mutex mu_;\n"),
            ("service/a.cc", "thread.detach();\n"),
            ("service/a.cc", "using namespace std;\n"),
            ("service/a.cc", "#if 0\n"),
        ],
        [
            ("tests/a/b_test.cc", "std::mt19937_64 r(1);\n"),
            ("service/a.cc", "// not std::cout\n"),
            ("service/a.cc", 'Log("std::cerr");\n'),
            ("service/main.cc", "std::cerr << 1;\n"),
            ("service/client/logitctl.cc", "std::cout << 1;\n"),
            ("service/log.cc", "std::cerr << 1;\n"),
            ("service/a.cc", "snprintf(a, 3, b); operand(1); x.rand(); "),
        ],
    ),
    "banned_text": (
        [
            ("service/a.cc", "// FIX" + "ME later\n"),
            ("README.md", "TO" + "DO: write\n"),
            ("sampler/CMakeLists.txt", "-march=" + "native\n"),
            ("CMakeLists.txt", "-ffast" + "-math\n"),
            ("tests/x.sh", "g++ -Ofa" + "st\n"),
        ],
        [("sampler/README.md", "never -march=" + "native\n")],
    ),
    "workshop_words": (
        [
            ("README.md", "see /wo" + "rk/main\n"),
            ("README.md", "fixed in issue" + " #12\n"),
            ("service/a.cc", "// added in session" + " 2\n"),
        ],
        [
            ("README.md", "the folder tests/wo" + "rk/ and an issue\n"),
            ("service/a.cc", "// session 2 is answered SKIPPED\n"),
        ],
    ),
    "registry_hosts": (
        [
            ("deploy/a.sh", "curl https://" + "registry." + "npm" + "js.org/a\n"),
            ("deploy/Dockerfile", "deb http://" + "deb." + "debian.org\n"),
            ("README.md", "https://" + "pypi." + "org/simple\n"),
        ],
        [("deploy/Dockerfile", "FROM debian:bookworm-slim\n")],
    ),
    "purpose": (
        [
            ("service/a.h", guard("service/a.h")),
            ("service/a.h", "// Short.\n" + guard("service/a.h")),
            ("service/a.cc", "#include <vector>\n"),
        ],
        [
            ("service/a.h", HEADER + guard("service/a.h")),
            ("service/a.cc", HEADER),
            ("tests/service/a_test.cc", "#include <vector>\n"),
        ],
    ),
    "include_guard": (
        [
            ("service/a.h", HEADER + guard("service/b.h")),
            ("service/a.h", HEADER + "#pragma once\n"),
        ],
        [
            ("service/a.h", HEADER + guard("service/a.h")),
            ("sampler/kernels/a-inl.h", HEADER),
        ],
    ),
    "dead_tests": (
        [
            ("tests/sampler/a_test.cc", "// TE" + "ST(A, B) {\n"),
            ("tests/sampler/a_test.cc", "/* TE" + "ST_F(A, B) { */\n"),
            ("tests/sampler/a_test.cc", "TEST(A, DISABLED_B) {}\n"),
            ("sampler/CMakeLists.txt", "# logitd_test" + "(NAME a)\n"),
        ],
        [("tests/sampler/a_test.cc", "// Tests a thing.\nTEST(A, B) {}\n")],
    ),
    "registered_tests": (
        [
            ("tests/a_test.cc", ""),
            ("tests/nobody/a_test.cc", ""),
            ("tests/sampler/deep/a_test.sh", ""),
            ("service/a_test.cc", ""),
            ("tests/sampler/a_fuzz.cc", ""),
        ],
        [
            ("tests/sampler/a_test.cc", ""),
            ("tests/sampler/kernels/a_test.cc", ""),
            ("tests/sampler/a_test.py", ""),
            ("tests/fuzz/a_fuzz.cc", ""),
        ],
    ),
    "scripts": (
        [
            ("deploy/a.sh", "set -euo pipefail\n"),
            ("deploy/a.sh", "#!/usr/bin/env bash\necho a\n"),
        ],
        [("deploy/a.sh", "#!/usr/bin/env bash\nset -euo pipefail\n")],
    ),
    "top_level": (
        [("docs/a.md", ""), ("Makefile", "")],
        [(".ci/run", ""), ("tests/a.md", ""), ("README.md", "")],
    ),
}


def fired(path, text):
    """The names of the rules that a file alone in the tree breaks."""
    sample = Source(path, text, 0o755)
    found = tidy_test.findings([CMAKE, sample], lambda p: p == path)
    return {rule for _, _, rule, _ in found}


class Canary(unittest.TestCase):
    def test_every_rule_has_samples(self):
        self.assertEqual({rule.__name__ for rule in rules.RULES}, set(SAMPLES))

    def test_scripts_must_be_executable(self):
        text = "#!/usr/bin/env bash\nset -euo pipefail\n"
        self.assertTrue(list(rules.scripts(Source("a.sh", text, 0o644))))

    def test_every_include_rule_is_allowed_for_a_reason(self):
        for files, include, reason in rules.INCLUDES_ALLOWED:
            self.assertTrue(files.startswith("^") and include and reason)

    def test_commented_out_code_is_not_read(self):
        source = Source("a.cc", "/* void F() {\n\n\n} */ void G() {\n}\n")
        self.assertEqual([f[:2] for f in functions(source)], [(4, 5)])

    def test_braces_in_literals_are_not_read(self):
        text = "void F() {\n  a(\"}\", '}', R\"x(}}\n\")x\");\n  int n = 1'000;\n}\n"
        self.assertEqual([f[:2] for f in functions(Source("a.cc", text))], [(1, 5)])

    def test_the_tree_is_read(self):
        paths = {s.path for s in tidy_test.source.load(tidy_test.ROOT)}
        self.assertIn("tests/tidy/rules.py", paths)
        self.assertIn("CMakeLists.txt", paths)


def _add_sample_tests():
    def make(rule, path, text, bad):
        def check(self):
            if bad:
                self.assertIn(rule, fired(path, text), f"{path}: {text[:60]!r}")
            else:
                self.assertNotIn(rule, fired(path, text), f"{path}: {text[:60]!r}")

        return check

    for rule, (bad_samples, good_samples) in SAMPLES.items():
        for kind, samples in (("bad", bad_samples), ("good", good_samples)):
            for number, (path, text) in enumerate(samples):
                test = make(rule, path, text, kind == "bad")
                setattr(Canary, f"test_{rule}_{kind}_{number}", test)


_add_sample_tests()

if __name__ == "__main__":
    unittest.main()
