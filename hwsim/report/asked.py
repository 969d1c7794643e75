"""What a run is asked to print in place of its one screen."""

from hwsim.dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The reports that are printed in place of the screen; an explanation in the result is always printed."""

    full: bool = False
    tensors: bool = False
    sources: bool = False
    energy: bool = False
