"""What a plain scalar means: the core schema of YAML 1.2.

PyYAML's own rules are those of YAML 1.1, in which `1e9` is a text, `1:30` is ninety and `no` is false.
"""

import math
import re

_NULL = re.compile(r"|~|null|Null|NULL")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_DECIMAL = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o([0-7]+)")
_HEXADECIMAL = re.compile(r"0x([0-9a-fA-F]+)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")

MOST_DIGITS = 40


def resolve(text: str) -> None | bool | int | float | str:
    """The value of a plain scalar; ValueError for a number that no field could take.

    >>> resolve("1e9"), resolve("1:30"), resolve("no"), resolve("0x10"), resolve("~")
    (1000000000.0, '1:30', 'no', 16, None)
    """
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text):
        return True
    if _FALSE.fullmatch(text):
        return False
    if _NOT_FINITE.fullmatch(text):
        raise ValueError("must be a finite number")
    for pattern, base in ((_DECIMAL, 10), (_OCTAL, 8), (_HEXADECIMAL, 16)):
        match = pattern.fullmatch(text)
        if match:
            if len(text) > MOST_DIGITS:
                raise ValueError(f"must have at most {MOST_DIGITS} digits")
            return int(match[match.lastindex or 0], base)
    if _FLOAT.fullmatch(text):
        number = float(text)
        if not math.isfinite(number):
            raise ValueError("must be a finite number")
        return number
    return text
