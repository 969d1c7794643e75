"""Bars of a terminal, in eighths of a character; of plain characters where a stream cannot write others."""

_EIGHTHS = " ▏▎▍▌▋▊▉"
_FULL, _PLAIN = "█", "#"


def bar(share: float, width: int, *, blocks: bool = True) -> str:
    """A bar of that share of the width; what is there at all shows.

    >>> bar(0.5, 5), bar(0.001, 5), bar(0, 5), bar(0.5, 5, blocks=False)
    ('██▌', '▏', '', '###')
    """
    if share <= 0:
        return ""
    if not blocks:
        return _PLAIN * max(1, round_up_half(share * width))
    eighths = max(1, round_up_half(share * width * 8))
    return _FULL * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def round_up_half(value: float) -> int:
    """To the next whole number, halves upwards.

    >>> round_up_half(2.5), round_up_half(2.4)
    (3, 2)
    """
    return int(value + 0.5)


def can_show_blocks(encoding: str | None) -> bool:
    """Whether text in that encoding may hold such bars.

    >>> can_show_blocks("utf-8"), can_show_blocks("latin-1"), can_show_blocks("ascii")
    (True, False, False)
    """
    try:
        (_EIGHTHS + _FULL).encode(encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
