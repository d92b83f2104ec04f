"""Prints the dialects' vectors of sampler/README.md, computed from its text alone.

As knob_vectors.py: first logitd/1, then the dialects that differ.
"""
from knob_edits import (
    bad_words, ban, dry, dry_of_llama_cpp, frequency, logit_bias, presence, repetition,
    seen,
)  # fmt: skip
from knob_stages import (
    L, dynamic_temperature, greedy, line, min_p, run, temperature, together, top_h, top_k,
    top_k_with_equals, top_p, top_p_beyond, typical_p, xtc,
)  # fmt: skip

V, H, LLAMA, G, O = (name + "_V1" for name in (
    "VLLM", "HUGGING_FACE", "LLAMA_CPP", "SGLANG", "OPENVINO"))  # fmt: skip
ZEROS = [0] * 6


def case(name, stages, *others, row=L):  # others: stages, and who has them
    line(name, *stages, row=row)
    for theirs, *dialects in others:
        for dialect in dialects:
            line(f"the same, {dialect}", *theirs, row=row)


def least_of(p, q):  # OPENVINO_V1: min_p and top_p cut the same candidates
    def cut(r):
        n = min(len(run(L, (min_p, p)).c), len(run(L, (top_p_beyond, q)).c))
        r.keep_first(n)

    return cut


def boundaries():
    case("top_k 2 on 4 3 3 1", [(top_k, 2)],
         ([(top_k_with_equals, 2)], V, H), row=[4, 3, 3, 1])  # fmt: skip
    case("top_p 0.5 on 1 1", [(top_p, 0.5)],
         ([(top_p_beyond, 0.5)], G, O), row=[1, 1])  # fmt: skip
    case("typical_p 0.2 on 0 1 1 1", [(typical_p, 0.2)],
         ([(typical_p, 0.2, True)], H), row=[0, 1, 1, 1])  # fmt: skip
    tiny = [(temperature, 5e-6)]
    case("temperature 0.000005 on 1 1", [(greedy,)],
         ([(temperature, 0.01)], V), (tiny, H, LLAMA, G, O), row=[1, 1])  # fmt: skip
    case("temperature 0.001 on 1 0.9921875", [(temperature, 0.001)],
         ([(temperature, 0.01)], V), row=[1, 0.9921875])  # fmt: skip


def orders():
    case("top_k 2, top_h 0.7", [(top_k, 2), (top_h, 0.7)],
         ([(top_h, 0.7), (top_k, 2)], H))  # fmt: skip
    case("temperature 2, top_p 0.9", [(temperature, 2), (top_p, 0.9)],
         ([(top_p, 0.9), (temperature, 2)], LLAMA))  # fmt: skip
    case("temperature 2, xtc 1, 0.1", [(temperature, 2), (xtc, 0.1)],
         ([(xtc, 0.1), (temperature, 2)], LLAMA))  # fmt: skip
    case("temperature 0, typical_p 0.2", [(greedy,)],
         ([(typical_p, 0.2), (greedy,)], LLAMA))  # fmt: skip
    case("dynamic temperature 0.8, 0.5, 1, top_k 3",
         [(dynamic_temperature, 0.8, 0.5, 1), (top_k, 3)],
         ([(top_k, 3), (dynamic_temperature, 0.8, 0.5, 1, 0)], LLAMA))  # fmt: skip
    case("dynamic temperature 0, 0.5, 1", [(greedy,)],
         ([(dynamic_temperature, 0, 0.5, 1, 0)], LLAMA))  # fmt: skip
    case("top_k 3, top_p 0.9", [(top_k, 3), (top_p, 0.9)],
         ([(together, 3, 0.9)], G), ([(top_k, 3), (top_p_beyond, 0.9)], O))  # fmt: skip
    case("min_p 0.3, top_p 0.7", [(top_p, 0.7), (min_p, 0.3)],
         ([(min_p, 0.3), (top_p, 0.7)], V), ([(top_p, 0.7), (min_p, 0.3)], H),
         ([(least_of(0.3, 0.7),)], O))  # fmt: skip


def histories():
    both = [(repetition, 1.2, [2]), (presence, 0.5, [2])]
    case("repetition 1.2, presence 0.5, after | 2", both, (both[::-1], G))
    bias = [(logit_bias, {0: -3}), (repetition, 1.2, [0])]
    case("logit_bias 0: -3, repetition 1.2, after | 0", bias, (bias[::-1], G))
    case("repetition 1.2, after 0 | 5", [(repetition, 1.2, seen([0], [5]))],
         ([(repetition, 1.2, seen([0], [5], outputs_only=True))], G))  # fmt: skip
    case("frequency 0.5, after 0 0 | 5",
         [(frequency, 0.5, seen([0, 0], [5], outputs_only=True))],
         ([(frequency, 0.5, seen([0, 0], [5]))], LLAMA))  # fmt: skip
    case("bad_words 5 0, after 5 |", [(bad_words, [[5, 0]], [])],
         ([(bad_words, [[5, 0]], [5])], H))  # fmt: skip
    case("min_tokens 1, eos_ids 0, ignore_eos", [], ([(ban, [0])], V, G, O))
    said, breakers = [4, 5, 1, 2, 3, 4, 5], [[2, 3, 4, 5], [3]]
    case("dry 0.8, breakers 2 3 4 5; 3, after | 4 5 1 2 3 4 5",
         [(lambda r: dry(r, 0.8, 1.75, 2, said, breakers=breakers),)],
         ([(dry_of_llama_cpp, 0.8, 1.75, 2, said, breakers)], LLAMA),
         row=ZEROS)  # fmt: skip


def main():
    boundaries()
    orders()
    histories()


if __name__ == "__main__":
    main()
