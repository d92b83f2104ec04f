"""Temperatures, cuts and feedback, named as their knobs; and lines of vectors.

From the text of sampler/README.md alone.
"""
import math

from knob_edits import EDITS
from knob_row import Row, exp_d, power, times
from vectors import HEX, f32, log_d, noise, show

LN2 = HEX("0x1.62e42fefa39efp-1")
L = [4, 3, 2, 1, 0, -1]


def greedy(r):
    r.keep_first(1)


def temperature(r, t):
    r.it = f32(1 / t)


def dynamic_temperature(r, t, reach, exponent, lowest=1e-5):
    low, high = max(lowest, t - reach), t + reach
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


def top_k_with_equals(r, k):  # VLLM_V1, HUGGING_FACE_V1
    r.keep_first(sum(r.l[i] >= r.l[r.c[k - 1]] for i in r.c))


def top_p(r, p):
    target = p * r.mass()
    r.keep_first(r.shortest(r.c, lambda s: s >= target))


def top_p_beyond(r, p):  # SGLANG_V1, OPENVINO_V1
    target = p * r.mass()
    r.keep_first(r.shortest(r.c, lambda s: s > target))


def top_p_decay(r, p, decay, least, generated):
    top_p(r, max(p * power(decay, generated), min(p, least)))


def min_p(r, p):
    r.floor(log_d(p))


def typical_p(r, p, with_equals=False):
    mean = f32(r.log_mass() - r.entropy())
    score = {i: abs(f32(r.d(i) - mean)) for i in r.c}
    order = sorted(r.c, key=lambda i: (score[i], i))
    target = p * r.mass()
    n = r.shortest(order, lambda s: s >= target)
    last = score[order[n - 1]]
    r.begin([i for at, i in enumerate(order)
             if at < n or with_equals and score[i] == last])  # fmt: skip


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


def xtc(r, threshold, protected=()):  # its coin is coin()
    least = f32(log_d(threshold) + r.log_mass())
    above = [i for i in r.c if r.d(i) >= least]
    r.begin([i for i in r.c if i not in above[:-1] or i in protected])


def coin(key, position):
    return ((noise(key, position, 0, 3, 0) >> 12) + 0.5) * 2.0**-52


def mirostat_1(r, mu):
    d = [r.d(i) for i in r.c]
    t = [log_d((i + 2) / (i + 1)) for i in range(len(d) - 1)]
    s = sum(x * (a - b) for x, a, b in zip(t, d, d[1:])) / sum(x * x for x in t)
    log_n, e = log_d(float(len(r.l))), s - 1
    share = e / (1 - exp_d(-e * log_n))
    log_k = (log_d(share) + mu * LN2) / s
    if log_k < log_n:
        r.keep_first(int(exp_d(log_k)))


def mirostat_2(r, mu):
    floor = r.log_mass() - mu * LN2
    r.keep_first(1) if floor > 0 else r.floor(floor)


def adaptive_p(r, target):
    inverse, width = f32(1 / r.mass()), f32(1 / f32(0.3))
    for i in r.c:
        x = times(abs(f32(times(r.w(i), inverse) - f32(target))), width)
        r.l[i] = f32(5 - f32(times(10, times(x, x)) / f32(1 + x)))
    r.it = 1.0
    r.begin(r.c)


def together(r, k, p):  # SGLANG_V1: top_p is relative to what is there before top_k
    target = p * r.mass()
    r.keep_first(min(k, r.shortest(r.c, lambda s: s > target)))


# ---- lines of vectors


def run(row, *stages):
    r = Row(row)
    for stage, *values in stages:
        stage(r, *values)
        r.shaped = stage not in EDITS
    return r


# What a row keeps, and the final_logprob of the lowest id of it.
def line(name, *stages, row=L):
    r = run(row, *stages)
    show(name, *sorted(r.c), "at", r.d(min(r.c)) - r.log_mass())
