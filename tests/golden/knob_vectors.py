"""Prints the knobs' vectors of sampler/README.md, computed from its text alone.

Each line is a knob, the ids that it keeps of a small row, and the final_logprob
of the lowest of them. `after P | O`: the prompt and the output before.
"""
from knob_edits import (
    bad_words, ban, dry, frequency, length, logit_bias, no_repeat_ngram, presence,
    repetition, seen,
)  # fmt: skip
from knob_stages import (
    adaptive_p, coin, dynamic_temperature, epsilon_cutoff, eta_cutoff, line, min_p,
    mirostat_1, mirostat_2, p_less, smoothing, tail_free, temperature, together, top_a,
    top_h, top_k, top_n_sigma, top_p, top_p_decay, typical_p, xtc,
)  # fmt: skip
from vectors import show

ALPHABET, ZEROS = [0] * 26, [0] * 6
SAID = [1, 2, 3, 3, 2, 3, 25, 1, 2, 3]  # a b c c b c y a b c
SAID_OF_SIX = [1, 2, 3, 3, 2, 3, 5, 1, 2, 3]


def cuts():
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
        line(f"mirostat 1, tau {tau}", (mirostat_1, 2 * tau))
    for tau in (1, 2):
        line(f"mirostat 2, tau {tau}", (mirostat_2, 2 * tau))
    line("adaptive_p 0.3", (adaptive_p, 0.3))


def penalties():
    line("repetition 1.2", (repetition, 1.2, [0, 5]))
    line("frequency 0.5", (frequency, 0.5, [0, 0, 5]))
    line("presence 0.5", (presence, 0.5, [0, 0, 5]))
    line("dry 0.8", (dry, 0.8, 1.75, 2, SAID), row=ALPHABET)


def orders():
    line("temperature 2, min_p 0.1", (temperature, 2), (min_p, 0.1))
    line("the same, LLAMA_CPP_V1", (min_p, 0.1), (temperature, 2))
    line("the same, steps min_p, temperature", (min_p, 0.1), (temperature, 2))
    line("temperature 2, top_k 3, repetition 1.2, steps in this order",
         (temperature, 2), (top_k, 3), (repetition, 1.2, [0, 5]))  # fmt: skip
    line("top_k 3, top_p 0.9, SGLANG_V1", (together, 3, 0.9))
    line("min_p 0.3, top_p 0.7, VLLM_V1", (min_p, 0.3), (top_p, 0.7))


def bans():
    line("allowed_ids 1 3", (ban, [0, 2, 4, 5]))
    line("banned_ids 0 2", (ban, [0, 2]))
    line("ban_eos, eos_ids 0", (ban, [0]))
    line("min_tokens 2, eos_ids 0, stop_ids 1, after | 5", (ban, [0, 1]))
    line("the same, after | 5 5")
    line("the same, ignore_eos, after | 5", (ban, [1]))
    for name, output in (("after | 5", [5]), ("after 5 |", [])):
        line(f"bad_words 5 0; 1, {name}", (bad_words, [[5, 0], [1]], output))
    line("suppressed_ids 0", (ban, [0]))
    line("begin_suppressed_ids 0, after 5 |", (ban, [0]))
    line("the same, after 5 | 5")
    for n in (1, 2, 3):
        line(f"no_repeat_ngram {n}, after 0 1 2 | 0 3 0",
             (no_repeat_ngram, n, [0, 1, 2, 0, 3, 0]))  # fmt: skip


def of_histories():
    line("logit_bias 0: -3, 4: 2.5", (logit_bias, {0: -3, 4: 2.5}))
    line("prompt_repetition 1.2, after 0 5 | 1", (repetition, 1.2, [0, 5]))
    line("repetition 1.2, window 2, after 0 | 1 5",
         (repetition, 1.2, seen([0], [1, 5], window=2)))  # fmt: skip
    line("repetition 1.2, exclude 5, after 0 | 5",
         (repetition, 1.2, seen([0], [5], exclude=[5])))  # fmt: skip
    for prompt, output in (([], [0, 0, 5]), ([0, 0], [5])):
        name = " ".join(map(str, ["after", *prompt, "|", *output]))
        tokens = seen(prompt, output, window=2, exclude=[5], outputs_only=True)
        line(f"frequency 0.5, window 2, exclude 5, {name}", (frequency, 0.5, tokens))
    line("presence 0.5, window 2, after 0 | 1 5",
         (presence, 0.5, seen([0], [1, 5], window=2, outputs_only=True)))  # fmt: skip
    for name, b, a, h in (("base 2, allowed 1", 2, 1, {}),
                          ("window 7", 1.75, 2, {"window": 7}),
                          ("breaker 5", 1.75, 2, {"breakers": [[5]]}),
                          ("breaker 5 1", 1.75, 2, {"breakers": [[5, 1]]}),
                          ("exclude 3", 1.75, 2, {"exclude": [3]})):  # fmt: skip
        line(f"dry 0.8, {name}, after | 1 2 3 3 2 3 5 1 2 3",
             (lambda r: dry(r, 0.8, b, a, SAID_OF_SIX, **h),), row=ZEROS)  # fmt: skip
    for said in (1, 3):
        line(f"length_penalty 1.5 from 1, eos_ids 2 5, after | {' '.join('0' * said)}",
             (length, 1.5, 1, said, [2, 5]))  # fmt: skip


def of_stages():
    line("dynamic temperature 0.8, 0.5, 2", (dynamic_temperature, 0.8, 0.5, 2))
    line("top_p 0.9, decay 0.9, least 0.5, reset 4, after | 5 5 5 4 5 5",
         (top_p_decay, 0.9, 0.9, 0.5, 2))  # fmt: skip
    line("xtc 1, 0.05", (xtc, 0.05))
    line("xtc 1, 0.05, protected 0", (xtc, 0.05, [0]))
    show("xtc coins of seed 42", *(coin(42, position) for position in range(3)))
    show("xtc 0.5 of seed 42 acts at", *(n for n in range(12) if coin(42, n) < 0.5))


def main():
    cuts()
    penalties()
    orders()
    bans()
    of_histories()
    of_stages()


if __name__ == "__main__":
    main()
