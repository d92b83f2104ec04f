"""Prints the knobs' vectors of sampler/README.md, computed from its text alone.

Each line is a knob, the ids that it keeps of a small row, and the final_logprob
of the first of them. The arithmetic and the noise are in vectors.py.
"""
import math

from vectors import HEX, exp_f, f32, fma, log_d, mass, show

LN2 = HEX("0x1.62e42fefa39efp-1")
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

    def edit(self, change):  # single logits, behind what the stages made of them
        base = max(-LARGEST, min(times(self.m, self.it), LARGEST))
        self.l = [f32(base + self.d(i)) + 0.0 if i in self.c else -math.inf
                  for i in range(len(self.l))]  # fmt: skip
        self.it, self.square, self.cube = 1.0, 0.0, 0.0
        self.l = [l if l == -math.inf else narrow(change(i, l)) + 0.0
                  for i, l in enumerate(self.l)]  # fmt: skip
        self.begin(self.c)


# ---- stages, named as their knobs


def temperature(r, t):
    r.it = f32(1 / t)


def dynamic_temperature(r, t, reach, exponent):
    low, high = max(1e-5, t - reach), t + reach
    share = min(r.entropy() / log_d(float(len(r.c))), 1)
    temperature(r, low + (high - low) * exp_d(exponent * log_d(share)))


def smoothing(r, factor, curve):
    r.square, r.cube = f32((3 - curve) / 2 * factor), f32((curve - 1) / 2 * factor)


def top_n_sigma(r, n):
    mean = f32(r.sum(r.d) / len(r.c))
    q = r.sum(lambda i: times(f32(r.d(i) - mean), f32(r.d(i) - mean)))
    r.floor(-(n * math.sqrt(q / len(r.c))))


def top_k(r, k):
    r.keep_first(k)


def top_p(r, p):
    target = p * r.mass()
    r.keep_first(r.shortest(r.c, lambda s: s >= target))


def top_p_decay(r, p, decay, least, generated):
    top_p(r, max(p * power(decay, generated), min(p, least)))


def min_p(r, p):
    r.floor(log_d(p))


def typical_p(r, p):
    mean = f32(r.log_mass() - r.entropy())
    order = sorted(r.c, key=lambda i: (abs(f32(r.d(i) - mean)), i))
    target = p * r.mass()
    r.begin(order[: r.shortest(order, lambda s: s >= target)])


def epsilon_cutoff(r, e):
    r.floor(log_d(e) + r.log_mass())


def eta_cutoff(r, e):
    r.floor(min(log_d(e), 0.5 * log_d(e) - r.entropy()) + r.log_mass())


def top_a(r, a):
    r.floor(log_d(a) - 2 * r.log_mass() + r.log_mass())


def tail_free(r, z):
    w = [r.w(i) for i in r.c]
    slope = [a - b for a, b in zip(w, w[1:])]
    bends = [abs(a - b) for a, b in zip(slope, slope[1:])]
    for i in range(1, len(bends)):
        if sum(bends[: i + 1]) > z * sum(bends):
            return r.keep_first(i)


def top_h(r, h):
    log = f32(r.log_mass())
    t = {i: times(r.w(i), f32(log - r.d(i))) for i in r.c}
    most = h * r.sum(t.get)

    def surprise(n):
        return r.sum(lambda i: t[i] if i in r.c[:n] else 0.0)

    fitting = [n for n in range(1, len(r.c) + 1) if surprise(n) <= most]
    r.keep_first(max(fitting, default=1))


def p_less(r):
    squares = log_d(r.sum(lambda i: times(r.w(i), r.w(i))))
    r.floor(squares - 2 * r.log_mass() + r.log_mass())


def xtc(r, threshold):
    least = f32(log_d(threshold) + r.log_mass())
    above = [i for i in r.c if r.d(i) >= least]
    r.begin([i for i in r.c if i not in above[:-1]])


def mirostat_1(r, tau):
    d = [r.d(i) for i in r.c]
    t = [log_d((i + 2) / (i + 1)) for i in range(len(d) - 1)]
    s = sum(x * (a - b) for x, a, b in zip(t, d, d[1:])) / sum(x * x for x in t)
    log_n, e = log_d(float(len(r.l))), s - 1
    share = e / (1 - exp_d(-e * log_n))
    log_k = (log_d(share) + 2 * tau * LN2) / s
    if log_k < log_n:
        r.keep_first(int(exp_d(log_k)))


def mirostat_2(r, tau):
    floor = r.log_mass() - 2 * tau * LN2
    r.keep_first(1) if floor > 0 else r.floor(floor)


def adaptive_p(r, target):
    inverse, width = f32(1 / r.mass()), f32(1 / f32(0.3))
    for i in r.c:
        x = times(abs(f32(times(r.w(i), inverse) - f32(target))), width)
        r.l[i] = f32(5 - f32(times(10, times(x, x)) / f32(1 + x)))
    r.it = 1.0
    r.begin(r.c)


def repetition(r, penalty, seen):
    r.edit(lambda i, l: (l / penalty if l > 0 else l * penalty) if i in seen else l)


def frequency(r, penalty, seen):
    r.edit(lambda i, l: l - penalty * seen.count(i))


def presence(r, penalty, seen):
    r.edit(lambda i, l: l - penalty * (i in seen))


def dry(r, multiplier, base, allowed, h):
    longest = [0] * len(r.l)
    for j in range(1, len(h)):
        n = max(n for n in range(j + 1) if h[j - n : j] == h[len(h) - n :])
        longest[h[j]] = max(longest[h[j]], n)
    r.edit(lambda i, l: l - multiplier * power(base, longest[i] - allowed)
           if longest[i] >= allowed else l)  # fmt: skip


# ---- cuts together, as dialects have them


def of_all(r, k, p):  # SGLANG_V1: top_p is relative to what is there before top_k
    target = p * r.mass()
    r.keep_first(min(k, r.shortest(r.c, lambda s: s > target)))


L = [4, 3, 2, 1, 0, -1]
ALPHABET = [0] * 26
SAID = [1, 2, 3, 3, 2, 3, 25, 1, 2, 3]  # a b c c b c y a b c


def line(name, *stages, row=L):
    r = Row(row)
    for stage, *values in stages:
        stage(r, *values)
    ids = sorted(r.c)
    logprob = r.d(ids[0]) - r.log_mass()
    show(name, *ids, "at", logprob)


def main():
    line("temperature 0.5", (temperature, 0.5))
    line("dynamic temperature 0.8, 0.5, 1", (dynamic_temperature, 0.8, 0.5, 1))
    line("smoothing 0.2, 1", (smoothing, 0.2, 1))
    line("smoothing 0.2, 2", (smoothing, 0.2, 2))
    line("top_n_sigma 1", (top_n_sigma, 1))
    line("top_k 3", (top_k, 3))
    line("top_p 0.9", (top_p, 0.9))
    for n in (0, 2, 6):
        line(f"top_p 0.9, decay 0.9, least 0.5, after {n}",
             (top_p_decay, 0.9, 0.9, 0.5, n))  # fmt: skip
    line("min_p 0.1", (min_p, 0.1))
    for p in (0.2, 0.5, 0.9):
        line(f"typical_p {p}", (typical_p, p))
    line("epsilon_cutoff 0.05", (epsilon_cutoff, 0.05))
    for e in (0.05, 0.3):
        line(f"eta_cutoff {e}", (eta_cutoff, e))
    line("top_a 0.2", (top_a, 0.2))
    line("tail_free 0.9", (tail_free, 0.9))
    line("top_h 0.7", (top_h, 0.7))
    line("p_less", (p_less,))
    line("xtc 1, 0.1", (xtc, 0.1))
    for tau in (0.5, 1):
        line(f"mirostat 1, tau {tau}", (mirostat_1, tau))
    for tau in (1, 2):
        line(f"mirostat 2, tau {tau}", (mirostat_2, tau))
    line("adaptive_p 0.3", (adaptive_p, 0.3))
    line("repetition 1.2", (repetition, 1.2, [0, 5]))
    line("frequency 0.5", (frequency, 0.5, [0, 0, 5]))
    line("presence 0.5", (presence, 0.5, [0, 0, 5]))
    line("dry 0.8", (dry, 0.8, 1.75, 2, SAID), row=ALPHABET)
    line("temperature 2, min_p 0.1", (temperature, 2), (min_p, 0.1))
    line("the same, LLAMA_CPP_V1", (min_p, 0.1), (temperature, 2))
    line("the same, steps min_p, temperature", (min_p, 0.1), (temperature, 2))
    line("temperature 2, top_k 3, repetition 1.2, steps in this order",
         (temperature, 2), (top_k, 3), (repetition, 1.2, [0, 5]))  # fmt: skip
    line("top_k 3, top_p 0.9, SGLANG_V1", (of_all, 3, 0.9))
    line("min_p 0.3, top_p 0.7, VLLM_V1", (min_p, 0.3), (top_p, 0.7))


if __name__ == "__main__":
    main()
