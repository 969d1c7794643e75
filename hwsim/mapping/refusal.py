"""What a chip cannot do names the op that asks for it."""

from collections.abc import Iterator
from contextlib import contextmanager

from hwsim.errors import InvalidValue, Unsupported


class UnsupportedOp(Unsupported):
    """An op that a chip cannot run, and why."""

    def __init__(self, op: str, why: str) -> None:
        self.op, self.why = op, why
        super().__init__(f"{op}: {why}")


@contextmanager
def naming(op: str) -> Iterator[None]:
    """Whatever is refused inside is refused in the name of the op, a count that is too large as well."""
    try:
        yield
    except UnsupportedOp:
        raise
    except (Unsupported, InvalidValue) as error:
        raise UnsupportedOp(op, str(error)) from error
