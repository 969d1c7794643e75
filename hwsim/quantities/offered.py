"""What nouns offer and higher rooms do: nouns know only what it is called, the front door says who does it.

So a notebook can show a result, or change a chip by dotted path, while this room imports the standard library alone.
"""

from enum import Enum
from html import escape
from importlib import import_module
from typing import Any


class Offer(Enum):
    """A thing that a noun is asked for and that is done elsewhere."""

    TEXT = "the text of a noun, as a terminal shows it"
    CHANGED = "a chip with other values by dotted path"


DOERS: dict[Offer, tuple[str, str]] = {}
"""Who does it: a module and a function of it, which is imported when it is first asked."""


def ask(what: Offer, *args: Any) -> Any:
    """Have it done."""
    module, name = DOERS[what]
    return getattr(import_module(module), name)(*args)


def as_html(noun: Any) -> str:
    """A noun as a notebook shows it: what a terminal shows, in letters of one width."""
    return f"<pre>{escape(ask(Offer.TEXT, noun))}</pre>"
