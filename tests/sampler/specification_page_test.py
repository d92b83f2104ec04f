#!/usr/bin/env python3
"""The specification, the contract's comments and the code say the same of knobs.

sampler/README.md has the source of each, a section for each formula, and every
pair that is refused; a comment names the dialects under which it is not so.
"""

import os
import re
import sys

import semantics_table

ROOT = semantics_table.ROOT
LEAST_PAIRS = 17  # so that a pattern that finds nothing is no pass
# The fields that a rule of sampler/dialect.h bends.
BENT = {
    "greedy_below": ["temperature"],
    "least_temperature": [],  # most: a number that never matters
    "dynamic_reaches_zero": ["dynamic_temperature_range"],
    "top_k_keeps_equals": ["top_k"],
    "top_p_goes_beyond": ["top_p"],
    "typical_goes_beyond": ["typical_p"],
    "typical_keeps_equals": ["typical_p"],
    "top_h_candidates": ["top_h"],
    "repetition_counts_prompt": ["repetition_penalty"],
    "frequency_counts_prompt": ["frequency_penalty", "presence_penalty"],
    "bad_words_match_prompt": ["bad_words"],
    "min_tokens_ban_ignored_eos": ["ignore_eos"],
    "dry_breaker_by_start": ["dry_breaker_ids"],
    "dry_exponent_has_limit": ["dry_base"],
}


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def section(page, title):
    return page.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def rows(text):
    """The cells of each row of its tables that begins with a name in code."""
    lines = (x for x in text.splitlines() if x.startswith("| `"))
    return [[cell.strip() for cell in x.strip("|").split(" | ")] for x in lines]


def anchor(title):
    return "#" + re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")


def faults_of_knobs(page, fields):
    anchors = {anchor(title) for title in re.findall(r"^#+ (.+)$", page, re.M)}
    told = {cells[0].strip("`"): cells for cells in rows(section(page, "Knobs"))}
    for name, comment in fields:
        if name not in told:
            yield f"no row of {name}"
            continue
        formula, source = told[name][-2:]
        if source != semantics_table.source_in(comment):
            yield f"{name}: its source is {source!r}, that of the contract another"
        if not set(re.findall(r"\((#[^)]+)\)", formula)) & anchors:
            yield f"{name}: {formula!r} leads nowhere"


def snake(name):
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()


def pairs_refused(code):
    """(knob, knob, why) of each entry of the table."""
    texts = dict(re.findall(r'char (k\w+)\[\] = "([^"]+)"', code))
    entry = r"\{P::k(\w+)FieldNumber,\s*P::k(\w+)FieldNumber,\s*\w+,\s*(k\w+)\}"
    for a, b, why in re.findall(entry, code):
        yield snake(a), snake(b), texts[why]


def pairs_told(page):
    for first, second, _, why in rows(section(page, "Knobs that contradict each other")):
        for knob in re.findall(r"`(\w+)`", second):
            yield first.strip("`"), knob, why


def faults_of_pairs(page, code):
    told, refused = list(pairs_told(page)), list(pairs_refused(code))
    if len(refused) < LEAST_PAIRS:
        yield f"only {len(refused)} pairs found in the code"
    for pair in sorted(set(told) ^ set(refused)):
        where = "the page" if pair in told else "the code"
        yield f"only {where} has {' and '.join(pair[:2])}: {pair[2]}"


def dialects_that_bend(code):
    """{field: the dialects that it is another under}, and rules unknown here."""
    bent, unknown = {}, set()
    for name, rules in re.findall(r'\.name = "(\w+_V1)",(.*?)\}', code, re.S):
        for rule in re.findall(r"\.(\w+) =", rules):
            if rule not in BENT and rule != "order":
                unknown.add(rule)
            for field in BENT.get(rule, []):
                bent.setdefault(field, set()).add(name)
    return bent, unknown


def faults_of_comments(fields, code):
    bent, unknown = dialects_that_bend(code)
    for rule in sorted(unknown):
        yield f"which fields does the rule {rule} bend?"
    if len(bent) < 10:
        yield f"only {len(bent)} fields found that a dialect bends"
    for name, comment in fields:
        named = set(re.findall(r"\b\w+_V1\b", comment))
        if named != bent.get(name, named):
            yield f"{name}: its comment names {sorted(named)}, not {sorted(bent[name])}"


def main():
    page, code = read("sampler/README.md"), read("service/profiles/conflict.cc")
    fields = semantics_table.fields_of(semantics_table.describe())
    faults = [*faults_of_knobs(page, fields), *faults_of_pairs(page, code)]
    faults += faults_of_comments(fields, read("sampler/dialect.cc"))
    print("\n".join(faults))
    print(f"{len(fields)} knobs, {len(list(pairs_refused(code)))} pairs, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
