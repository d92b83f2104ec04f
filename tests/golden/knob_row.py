"""A row and the sums over it, from the text of sampler/README.md alone.

For the stages in knob_edits.py and knob_stages.py. The arithmetic and the noise
are in vectors.py.
"""
import math

from vectors import HEX, exp_f, f32, fma, log_d, mass

LARGEST = HEX("0x1.fffffep+127")


def times(a, b):
    return fma(a, b, 0)


def exp_d(x):
    n = x * HEX("0x1.71547652b82fep+0") + HEX("0x1.8p52") - HEX("0x1.8p52")
    r = x - n * HEX("0x1.62e42fefa0000p-1") - n * HEX("0x1.cf79abc9e3b3ap-40")
    q = 1 / math.factorial(13)
    for k in range(12, 1, -1):
        q = q * r + 1 / math.factorial(k)
    return (1 + (r + r * r * q)) * 2.0**n


def power(b, n):
    r = 1.0
    while n:
        r, b, n = r * b if n & 1 else r, b * b, n >> 1
    return r


def narrow(x):
    return f32(max(-LARGEST, min(x, LARGEST)))


class Row:
    """A row with its candidates, in the order of the rank."""

    def __init__(self, logits):
        self.l = [float(x) for x in logits]
        self.it, self.square, self.cube = 1.0, 0.0, 0.0
        self.shaped = False  # by a stage that does not change single logits
        self.begin()

    def begin(self, kept=None):  # with the logits as they are, of `kept`
        kept = range(len(self.l)) if kept is None else kept
        self.c = sorted(kept, key=lambda i: (-self.l[i], i))
        self.m = self.l[self.c[0]]

    def d(self, i):
        x = times(f32(self.l[i] - self.m), self.it)
        if self.square == self.cube == 0:
            return x
        x = max(x, -1e12)
        return times(times(x, x), f32(times(self.cube, x) - self.square))

    def sum(self, term):  # as masses are
        return mass([term(i) if i in self.c else 0.0 for i in range(len(self.l))])

    def w(self, i):
        return exp_f(self.d(i))

    def mass(self, ids=None):
        ids = self.c if ids is None else ids
        return self.sum(lambda i: self.w(i) if i in ids else 0.0)

    def log_mass(self):
        return log_d(self.mass())

    def entropy(self):
        mean = self.sum(lambda i: times(self.w(i), self.d(i))) / self.mass()
        return self.log_mass() - mean

    def keep_first(self, n):
        self.c = self.c[: max(1, n)]

    def floor(self, f):
        least = f32(min(f, 0))
        self.keep_first(sum(self.d(i) >= least for i in self.c))

    def shortest(self, ids, reaches):
        for n in range(1, len(ids) + 1):
            if reaches(self.mass(ids[:n])):
                return n
        return len(ids)

    def rewrite(self):  # to what the stages made of it
        base = max(-LARGEST, min(times(self.m, self.it), LARGEST))
        self.l = [f32(base + self.d(i)) + 0.0 if i in self.c else -math.inf
                  for i in range(len(self.l))]  # fmt: skip
        self.it, self.square, self.cube = 1.0, 0.0, 0.0
        self.shaped = False

    def edit(self, change):  # single logits
        if self.shaped:
            self.rewrite()
        self.l = [l if l == -math.inf else narrow(change(i, l)) + 0.0
                  for i, l in enumerate(self.l)]  # fmt: skip
        self.begin(self.c)
