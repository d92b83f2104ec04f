"""Prints how feedback moves, computed from the text of sampler/README.md alone.

Each line is what a session that is given those tokens remembers after each, on
the row 4 3 2 1 0 -1; or what top_p with decay keeps before each.
"""
from knob_row import Row, exp_d
from knob_stages import L, LN2, adaptive_p, mirostat_1, mirostat_2, top_p_decay
from vectors import show


def mirostat(name, stage, tau, eta, tokens):
    mu, told = 2 * tau, []
    for token in tokens:
        r = Row(L)
        stage(r, mu)
        if token in r.c:
            surprise = -(r.d(token) - r.log_mass()) / LN2
            mu = mu - eta * (surprise - tau)
        told.append(mu)
    given = " ".join(map(str, tokens))
    show(f"{name}, tau {tau}, eta {eta}, given {given}: mu", *told)


def adaptive(t, c, tokens):
    w = 1 / (1 - c)
    s, sums, logprobs, a = t * w, [], [], t
    for token in tokens:
        r = Row(L)
        p = exp_d(r.d(token) - r.log_mass())
        adaptive_p(r, max(0.0, min(a, 1.0)))
        logprobs.append(r.d(token) - r.log_mass())
        s, w = p + c * s, 1 + c * w
        sums += [s, w]
        a = 2 * t - s / w
    name = f"adaptive_p {t}, decay {c}, given {' '.join(map(str, tokens))}"
    show(f"{name}: S, W", *sums)
    show("the same: final_logprob", *logprobs)


def decay(p, c, least, reset, tokens):
    n, kept = 0, []
    for token in tokens:
        r = Row(L)
        top_p_decay(r, p, c, least, n)
        kept.append(len(r.c))
        n = 0 if token == reset else n + 1
    given = " ".join(map(str, tokens))
    show(f"top_p {p}, decay {c}, least {least}, reset {reset}, given {given}: kept", *kept)


def main():
    mirostat("mirostat 1", mirostat_1, 1, 0.3, [1, 0, 0, 5])
    mirostat("mirostat 2", mirostat_2, 2, 0.3, [2, 0, 1, 5])
    adaptive(0.6, 0.6, [0, 1, 5])
    decay(0.9, 0.8, 0.5, 4, [5, 5, 5, 5, 4, 5, 5])


if __name__ == "__main__":
    main()
