"""What `hwsim recognise` is given and hands out beside its tables: quantisers, scores, one run in full."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from hwsim.cli.paths import deliver
from hwsim.cli.terminal import note, tell, tell_written, with_progress
from hwsim.errors import InvalidValue
from hwsim.quantities.plain_data import Progress

if TYPE_CHECKING:  # help needs no arrays
    import numpy as np
    from numpy.typing import NDArray

    from hwsim.quantities.quantisation import Quantisation
    from hwsim.study.recognise.run import KeepScores, Request
    from hwsim.study.recognise.session import Asked


PLAN_FLAGS = "equalise", "in_turn"
"""What a plan says beside its quantisers, of the whole network."""


def quantisers_of(fields: Sequence[str]) -> "tuple[frozenset[str], Quantisation | None]":
    """What `--quantise FIELD=VALUE` says, several times: flags of the plan, and quantisers."""
    from hwsim.inputs.load import quantisers

    written, flags = {}, set()
    for field in fields:
        name, equals, value = field.partition("=")
        if not name or not equals:
            raise InvalidValue("--quantise", field, "must be a field and its value, such as weights.clip=mse")
        if name not in PLAN_FLAGS:
            written[name] = value
        elif value not in ("true", "false"):
            raise InvalidValue("--quantise", field, "must be true or false")
        elif value == "true":
            flags.add(name)
    return frozenset(flags), quantisers(written, "--quantise") if written else None


def open_run(
    request_of: "Callable[[], tuple[Asked, Request]]",
    row: int,
    utterance: str | None,
    title: str,
    json_file: str | None,
) -> None:
    """Show one run in full."""

    def job(_: Progress) -> Any:
        from hwsim.study.recognise.opened import opened

        return opened(*request_of(), row, utterance)

    heard, result = with_progress(title, job)

    from hwsim.report.asked import Asked
    from hwsim.report.export import to_json
    from hwsim.report.screen import run_text

    (one,) = heard.utterances
    note(f"{heard.label}: {one.name}, said {one.said!r}, heard {one.heard!r}")
    written = deliver(json_file, None, lambda: to_json(result), dict)
    tell(json_file, lambda screen: run_text(result, Asked(), screen))
    tell_written(written)


@contextmanager
def kept_scores(path: Path) -> "Iterator[KeepScores]":
    """What takes scores one after another; at the end they are in that file."""
    import numpy as np

    from hwsim.report.files import write_binary
    from hwsim.report.scores import writer_of

    write, files = writer_of(path, "--scores"), dict[str, Path]()
    with TemporaryDirectory(prefix="hwsim-scores-") as folder:

        def keep(name: str, scores: "NDArray[np.float32]") -> None:
            files[name] = Path(folder) / f"{len(files)}.npy"
            np.save(files[name], scores, allow_pickle=False)

        yield keep
        write_binary(path, lambda file: write(dict(sorted(files.items())), file))
