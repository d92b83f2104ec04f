"""Bans and the stages that change single logits, named as their knobs.

From the text of sampler/README.md alone. Histories are lists of ids.
"""
import math

from knob_row import power


def ban(r, ids):
    r.l = [-math.inf if i in ids else l for i, l in enumerate(r.l)]
    r.begin([i for i in r.c if i not in ids])


def ends_with(tokens, sequence):
    return tokens[len(tokens) - len(sequence) :] == sequence


def bad_words(r, words, output):
    ban(r, [w[-1] for w in words if ends_with(output, w[:-1])])


def no_repeat_ngram(r, n, h):
    last = h[len(h) - n + 1 :]
    ban(r, [h[j] for j in range(n - 1, len(h)) if h[j - n + 1 : j] == last])


def logit_bias(r, bias):
    r.edit(lambda i, l: l + bias.get(i, 0.0))


def seen(prompt, output, window=None, exclude=(), outputs_only=False):
    h = prompt + output
    first = max(0, len(h) - window) if window else 0
    first = max(first, len(prompt)) if outputs_only else first
    return [i for i in h[first:] if i not in exclude]


def repetition(r, penalty, tokens):  # prompt repetition too
    r.edit(lambda i, l: (l / penalty if l > 0 else l * penalty) if i in tokens else l)


def frequency(r, penalty, tokens):
    r.edit(lambda i, l: l - penalty * tokens.count(i))


def presence(r, penalty, tokens):
    r.edit(lambda i, l: l - penalty * (i in tokens))


def dry(r, multiplier, base, allowed, h, window=None, breakers=(), exclude=()):
    first = len(h) - (window or len(h))
    ends = [k + 1 for k in range(first, len(h))
            if any(ends_with(h[: k + 1], b) for b in breakers)]  # fmt: skip
    penalise(r, multiplier, base, allowed, h[first:], len(h) - max(ends, default=first),
             [b[0] for b in breakers if len(b) == 1] + list(exclude))  # fmt: skip


def dry_of_llama_cpp(r, multiplier, base, allowed, h, breakers):
    places = [(k, len(b)) for b in breakers for k in range(len(h))
              if h[k : k + len(b)] == b]  # fmt: skip
    limit = len(h) - sum(max(places)) if places else len(h)
    penalise(r, multiplier, base, allowed, h, limit,
             [b[0] for b in breakers if len(b) == 1])  # fmt: skip


def penalise(r, multiplier, base, allowed, h, most, untouched):
    longest = [0] * len(r.l)
    for j in range(1, len(h)):
        n = max(n for n in range(min(j, most) + 1)
                if h[j - n : j] == h[len(h) - n :])  # fmt: skip
        longest[h[j]] = max(longest[h[j]], n)
    r.edit(lambda i, l: l - multiplier * power(base, longest[i] - allowed)
           if longest[i] >= allowed and i not in untouched else l)  # fmt: skip


def length(r, factor, start, generated, eos_ids):
    n = generated - start
    r.edit(lambda i, l: l + abs(l) * (power(factor, n) - 1)
           if n > 0 and i in eos_ids else l)  # fmt: skip


# Behind any other stage these find the row rewritten.
EDITS = {ban, bad_words, no_repeat_ngram, logit_bias, repetition, frequency,
         presence, dry, dry_of_llama_cpp, length}  # fmt: skip
