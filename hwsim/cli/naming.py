"""Names the files of a command where one of them is at fault."""

from collections.abc import Iterator
from contextlib import contextmanager

from hwsim.errors import Unsupported
from hwsim.hardware.chip import Chip
from hwsim.inputs.load import Loaded
from hwsim.ir.workload import Workload


@contextmanager
def naming(*loaded: Loaded[Chip] | Loaded[Workload]) -> Iterator[None]:
    """What one of these files cannot do with the other is refused with the names of both; what is shipped is known."""
    try:
        yield
    except Unsupported as error:
        if all(one.opened.shipped for one in loaded):
            raise
        raise Unsupported(f"{', '.join(one.title for one in loaded)}: {error}") from error
