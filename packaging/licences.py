"""Which licences a crate is used under, and the texts of them in its folder."""

import re

# Of several that a crate offers the first of these is taken. deny.toml says which are allowed.
PREFERRED = (
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "MIT",
    "Zlib",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Unicode-3.0",
    "CC0-1.0",
    "MPL-2.0",
)
# Words that only this licence has.
SIGNS = {
    "Apache-2.0": r"Apache License",
    "MIT": r"Permission is hereby granted, free of charge",
    "Zlib": r"provided ['\"]?as-is['\"]?, without any express or implied",
    "BSD-2-Clause": r"Redistribution and use in source and binary forms",
    "BSD-3-Clause": r"Redistribution and use in source and binary forms",
    "ISC": r"Permission to use, copy, modify, and(/or)? distribute this software",
    "Unicode-3.0": r"UNICODE LICENSE V3",
    "CC0-1.0": r"CC0 1\.0|Creative Commons Legal Code",
    "MPL-2.0": r"Mozilla Public License",
}
FILES = re.compile(r"(LICEN[SC]E|COPYING|COPYRIGHT|NOTICE)", re.IGNORECASE)
# C sources with a licence of their own, deeper in a crate.
DEEPER = {"zstd-sys": (("zstd/LICENSE", "BSD-3-Clause"),)}


def expression(licence):
    """As SPDX writes it: a slash was the word for `or` once, and `+` is not said of MPL-2.0, which has it built in."""
    return licence.replace("/", " OR ").replace("MPL-2.0+", "MPL-2.0")


def chosen(licence):
    """The licences that are taken of an expression, all of which bind."""
    tokens = re.findall(r"\(|\)|[\w.+-]+(?: WITH [\w.-]+)?", expression(licence))
    taken = either(tokens)
    if tokens or not all(name in PREFERRED for name in taken):
        raise ValueError(f"no rule for the licence {licence!r}: see packaging/licences.py and deny.toml")
    return sorted(taken)


def either(tokens):
    """A OR B: the better one."""
    options = [both(tokens)]
    while tokens and tokens[0] == "OR":
        tokens.pop(0)
        options.append(both(tokens))
    return min(options, key=lambda names: max(map(rank, names)))


def both(tokens):
    """A AND B."""
    names = single(tokens)
    while tokens and tokens[0] == "AND":
        tokens.pop(0)
        names = names | single(tokens)
    return names


def single(tokens):
    token = tokens.pop(0) if tokens else ""
    if token != "(":
        return {token}
    names = either(tokens)
    if not tokens or tokens.pop(0) != ")":
        raise ValueError("a parenthesis is not closed")
    return names


def rank(name):
    return PREFERRED.index(name) if name in PREFERRED else len(PREFERRED)


def texts(crate, name):
    """The files in the crate's folder that have this licence, as one text; empty when there is none."""
    sign = re.compile(SIGNS[name.split(" WITH ")[0]])
    files = sorted(file for file in crate.folder.iterdir() if file.is_file() and FILES.match(file.name))
    found = [file.read_text(encoding="utf-8", errors="replace") for file in files]
    return "\n\n".join(text.strip() for text in found if sign.search(re.sub(r"\s+", " ", text)))
