"""What a mutant changes. Each operator yields (name, begin, end, replacement)."""

import re

SWAPS = {
    "relational": {
        "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==",
    },
    "arithmetic": {
        "+": "-", "-": "+", "*": "/", "/": "*", "%": "*", "+=": "-=",
        "-=": "+=", "*=": "/=", "/=": "*=", "<<": ">>", ">>": "<<",
        "&": "|", "|": "&", "^": "|", "|=": "&=", "&=": "|=",
    },
    "logical": {"&&": "||", "||": "&&"},
}  # fmt: skip
NAMES = {
    "min": "max", "max": "min", "Min": "Max", "Max": "Min", "true": "false",
    "false": "true", "floor": "ceil", "ceil": "floor", "break": "continue",
    "continue": "break",
}  # fmt: skip
VECTOR = {
    "Add": "Sub", "Sub": "Add", "Mul": "Add", "Div": "Mul", "Gt": "Ge",
    "Ge": "Gt", "Lt": "Le", "Le": "Lt", "Eq": "Ne", "Ne": "Eq", "And": "Or",
    "Or": "And", "MulAdd": "NegMulAdd", "NegMulAdd": "MulAdd",
    "IfThenElseZero": "IfThenZeroElse", "IfThenZeroElse": "IfThenElseZero",
    "ShiftLeft": "ShiftRight", "ShiftRight": "ShiftLeft", "PromoteTo": "BitCast",
}  # fmt: skip
KEYWORDS = {
    "return", "if", "for", "while", "switch", "case", "default", "using", "const",
    "constexpr", "static", "struct", "class", "enum", "template", "typedef",
    "namespace", "public", "private", "protected", "friend", "inline", "else",
    "auto", "do", "goto", "static_assert",
}  # fmt: skip
# Arguments of these may stand either way; returning these is returning {}.
COMMUTATIVE = {"max", "min", "Max", "Min", "Add", "Mul", "And", "Or", "Eq", "Ne"}
EMPTY = {"{}", "false", "0", "absl::OkStatus()", "std::nullopt", "nullptr"}
DECLARED = re.compile(r"(const )?[\w:<>, ]+?[&*]* \w+( = \S+)?")  # not called


def spaced(source, token):
    """Binary operators stand between blanks; those of types do not."""
    return source[token.begin - 1].isspace() and source[token.end].isspace()


def swap_operators(source, tokens):
    for token in tokens:
        if token.kind != "op" or not spaced(source, token):
            continue
        for name, swaps in SWAPS.items():
            if token.text in swaps:
                yield name, token.begin, token.end, swaps[token.text]


def swap_names(source, tokens):
    for i, token in enumerate(tokens):
        if token.kind != "name":
            continue
        if token.text in NAMES:
            yield "name", token.begin, token.end, NAMES[token.text]
        of_vectors = i > 1 and tokens[i - 1].text == "::" and tokens[i - 2].text == "hn"
        if of_vectors and token.text in VECTOR:
            yield "vector", token.begin, token.end, VECTOR[token.text]


def step_numbers(source, tokens):
    for token in tokens:
        if token.kind != "number":
            continue
        text = token.text
        hexadecimal = text.lower().startswith("0x")
        real = "." in text or "p" in text.lower() or (not hexadecimal and "e" in text)
        if real:
            digit = re.match(r"(0x[0-9a-fA-F]\.[0-9a-fA-F]*)([0-9a-fA-F])(p.*)", text)
            if digit:
                last = "%x" % (int(digit[2], 16) ^ 1)
                yield "last bit", token.begin, token.end, digit[1] + last + digit[3]
            zero = re.fullmatch(r"[0.]+[fF]?", text)
            other = f"({text} + 1)" if zero else f"({text} * 2)"
            yield "constant", token.begin, token.end, other
        else:
            yield "constant", token.begin, token.end, f"({text} + 1)"
            if not re.fullmatch(r"0[uUlL]*", text):
                yield "constant", token.begin, token.end, f"({text} - 1)"


def change_conditions(source, tokens, pairs):
    for i, token in enumerate(tokens):
        if token.text in ("if", "while") and i + 1 in pairs:
            begin, end = tokens[i + 1].end, tokens[pairs[i + 1]].begin
            condition = source[begin:end]
            if ";" not in condition and not condition.startswith("constexpr"):
                yield "negation", begin, end, f"!({condition})"
        if token.text == "!" and not spaced(source, token):
            yield "negation", token.begin, token.end, ""


def drop_terms(source, tokens):
    for match in re.finditer(r" \+ 0\.0f", source):
        yield "plus zero", match.start(), match.end(), ""
    for i, token in enumerate(tokens):
        before = tokens[i - 1].text if i else ""
        if token.text == "-" and not source[token.end].isspace():
            if before in "(,=?:" or before in ("return", "==", "<", ">"):
                yield "sign", token.begin, token.end, ""


def drop_narrowing(source, tokens):
    for match in re.finditer(r"static_cast<float>", source):
        yield "narrowing", match.start(), match.end(), ""


def shift_indices(source, tokens, pairs):
    for i, token in enumerate(tokens):
        if token.text != "[" or i == 0 or i not in pairs:
            continue
        behind = tokens[i - 1]
        if behind.kind == "name" or behind.text in ("]", ")"):
            begin, end = token.end, tokens[pairs[i]].begin
            inside = source[begin:end]
            if inside.strip() and behind.text not in KEYWORDS:
                yield "index", begin, end, inside + " + 1"


def swap_arguments(source, tokens, pairs):
    for i, token in enumerate(tokens):
        if token.text != "(" or i == 0 or i not in pairs:
            continue
        behind = tokens[i - 1]
        if behind.kind != "name" or behind.text in KEYWORDS | COMMUTATIVE:
            continue
        commas, depth = [], 0
        for inner in tokens[i + 1 : pairs[i]]:
            depth += (inner.text in "([{") - (inner.text in ")]}")
            if inner.text == "," and depth == 0:
                commas.append(inner)
        if not commas:
            continue
        stop = commas[1].begin if len(commas) > 1 else tokens[pairs[i]].begin
        first = source[token.end : commas[0].begin]
        second = source[commas[0].end : stop]
        declared = DECLARED.fullmatch(first.strip()) or DECLARED.fullmatch(
            second.strip()
        )
        if first.strip() != second.strip() and not declared:
            yield "arguments", token.end, stop, f"{second.strip()}, {first.strip()}"


def drop_statements(source, tokens, pairs):
    """Statements that are no declaration, up to their semicolon."""
    start, depth = 0, 0
    for i, token in enumerate(tokens):
        if token.text in "([":
            depth += 1
        elif token.text in ")]":
            depth -= 1
        if depth or token.text not in "{};":
            continue
        if token.text == ";" and i > start + 1:
            first, second = tokens[start], start + 1
            while tokens[second].text in ("::", ".", "->") and second + 1 < i:
                second += 2
            statement = first.kind == "name" and first.text not in KEYWORDS
            statement = statement and tokens[second].text in (
                "=", "(", "[", "+=", "-=", "*=", "/=", "|=", "&=",
            )  # fmt: skip
            if statement or first.text in ("++", "--", "*"):
                yield "statement", first.begin, token.begin, "(void)0"
        start = i + 1


def change_returns(source, tokens, pairs):
    for i, token in enumerate(tokens):
        if token.text == "return" and tokens[i + 1].text != ";":
            stop = next(
                t for j, t in enumerate(tokens[i:], i)
                if t.text == ";" and not any(
                    i < k < j < pairs.get(k, -1) for k in range(i, j))
            )  # fmt: skip
            value = source[token.end : stop.begin].strip()
            if value not in EMPTY | {"true"}:
                yield "return", token.end, stop.begin, " {}"
    for match in re.finditer(r"\bvoid \w+(?:::\w+)?\([^;{}]*\)(?: const)? \{", source):
        yield "early return", match.end(), match.end(), " return;"


def changes(source, tokens, pairs):
    yield from swap_operators(source, tokens)
    yield from swap_names(source, tokens)
    yield from step_numbers(source, tokens)
    yield from change_conditions(source, tokens, pairs)
    yield from drop_terms(source, tokens)
    yield from drop_narrowing(source, tokens)
    yield from shift_indices(source, tokens, pairs)
    yield from swap_arguments(source, tokens, pairs)
    yield from drop_statements(source, tokens, pairs)
    yield from change_returns(source, tokens, pairs)
