"""What `run` prints of the runs around a run: its band, and changed runs beside it."""

from typing import TYPE_CHECKING

from hwsim.report.headline import title
from hwsim.report.tables import Screen
from hwsim.results.result import Result

if TYPE_CHECKING:  # few runs are on tiles
    from hwsim.results.tiles_result import TilesResult


def around_texts(result: "Result | TilesResult", screen: Screen, *, full: bool) -> list[str]:
    """What runs around a run found out, if they were asked for."""
    texts = []
    if result.band is not None:
        from hwsim.report.band import band_text  # few runs ask for one

        texts.append(band_text(result.band, screen, full=full))
    if result.changed:
        from hwsim.report.changed_run import changed_text

        texts.append(changed_text(result.changed, title(result.summary), screen))
    return texts
