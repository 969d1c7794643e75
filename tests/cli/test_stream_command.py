"""`hwsim stream` prints and writes one study; what it cannot do is one line."""

import json
from pathlib import Path

import pytest

from command import complaint, printed
from data import ARCH
from strategies.broken_files import broken

TINY = """\
name: tiny
kind: rnnt
audio: 200 ms
precision: w4a4
encoder: {features: 6, frame: 20 ms, layers: 1, cells: 3}
prediction: {embedding: 2, cells: 4}
joint: {size: 5, outputs: 7}
decoding: {kind: greedy, symbols_per_second: 14}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "work.yaml").write_text(TINY)
    (tmp_path / "chip.yaml").write_text(broken(ARCH.read_text(), "clock: 1 GHz", "clock: 100 kHz"))
    (tmp_path / "spoken.tsv").write_text("length\tutterances\n0.1\t5\n0.2\t5\n")
    (tmp_path / "coming.csv").write_text("arrival\n0\n0\n1\n")
    return tmp_path


@pytest.mark.slow
def test_one_command_answers_for_chunks_streams_lengths_and_a_fleet(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("--chunk", "40 ms", "--streams", "1,2", "--lengths", "spoken.tsv", "--buckets", "2")
    more = ("--fleet", "2", "--arrivals", "coming.csv", "--full", "--out", "study")
    text, said = printed(capsys, "stream", "chip.yaml", "work.yaml", *asked, *more)
    for words in ("5 chunks of 40.0 ms", "until its chunk is full", "Streams together on one chip", "Runs of streams"):
        assert words in text
    assert "Chunks of 1 stream, from the first sound on" in text
    assert "spoken.tsv, in batches of 2" in text
    assert "2 chips, 2 streams each; 3 utterances arrive, at given times, seed 0" in " ".join(text.split())
    assert "buckets.csv" in said
    study = json.loads((here / "study" / "stream.json").read_text())
    assert [point["streams"] for point in study["points"]] == [1, 2]
    assert study["lengths"]["utterances"] == 10
    assert study["fleet"]["utterances"] == 3
    assert {"spoken.tsv", "coming.csv"} <= set(study["provenance"]["files"])
    assert len((here / "study" / "chunks.csv").read_text().splitlines()) == 6


@pytest.mark.slow
def test_drawn_lengths_and_arrivals_and_the_most_streams(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("--most", "--lengths", "lognormal:median=100ms,p99=300ms", "--utterances", "30", "--buckets", "200ms,1s")
    text, _ = printed(capsys, "stream", "chip.yaml", "work.yaml", *asked, "--fleet", "1", "--arrivals", "2/s")
    words = " ".join(text.split())
    assert "At most " in words
    assert "lognormal:median=100ms,p99=300ms" in words
    assert "30 utterances arrive, Poisson, 2 a second, seed 0" in words
    printed_alone, _ = printed(capsys, "stream", "chip.yaml", "work.yaml", "--lengths", "100 ms", "--json", "-")
    assert json.loads(printed_alone)["lengths"]["utterances"] == 1


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (("--streams", "two"), "--streams = 'two': must list whole numbers, such as 1,2,4,8"),
        (("--streams", ","), "--streams = ',': must list whole numbers, such as 1,2,4,8"),
        (("--streams", "0"), "streams = 0: must be a whole number from 1 to 65536"),
        (("--buckets", "3"), "--buckets = '3': are of --lengths; give these too"),
        (("--lengths", "lost.csv"), "lost.csv: cannot be read: No such file or directory"),
        (("--lengths", "3 ly"), "--lengths = '3 ly': unknown unit 'ly'; known: ps, ns, us, ms, s, µs, min, h"),
        (
            ("--lengths", "lognormal:mean=3s"),
            "--lengths.lognormal = 'mean': needs two of mean, median, p90, p95, p99",
        ),
        (
            ("--lengths", "lognormal:mean=3s,p50=2s"),
            "--lengths.p50 = '2s': is no figure of a distribution; known: mean, median, p90, p95, p99",
        ),
        (
            ("--lengths", "4s", "--buckets", "1s,2s"),
            "--buckets = '1s,2s': must end with at least 4 s, the longest utterance",
        ),
        (("--fleet", "2"), "--fleet = 2: needs --fleet and --arrivals, such as --fleet 4 --arrivals 20/s"),
        (("--arrivals", "2/s"), "--arrivals = '2/s': needs --fleet and --arrivals, such as --fleet 4 --arrivals 20/s"),
        (("--fleet", "2", "--arrivals", "x/s"), "--arrivals = 'x/s': must be a number with a unit, such as '1 /s'"),
        (("--fleet", "2", "--arrivals", "0/s"), "--arrivals = '0/s': must be at least 1/1000 /s"),
        (("--latency-limit", "soon"), "latency_limit = 'soon': must be a number with a unit, such as '1 h'"),
        (("--chunk", "30 ms"), "streaming.chunk = '30 ms': must be a multiple of 20 ms, one frame"),
        (("--chunk", "40 ms", "--look-ahead", "20 ms"), "streaming.look_ahead = '20 ms': is of attention, and this "
         "encoder carries its states on; leave it out"),
        (("--lengths", "spoken.tsv", "--json", "spoken.tsv"), "spoken.tsv: is read, and would be written over for "
         "--json; write to another file"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_line(
    asked: tuple[str, ...], message: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert complaint(capsys, "stream", "chip.yaml", "work.yaml", *asked) == message


def test_chips_of_tiles_are_refused_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    said = complaint(capsys, "stream", "analog_pcm", "mlperf_rnnt")
    assert said == "stream on analog_pcm: chips of analog tiles are not timed chunk by chunk; use hwsim run"
