"""Recordings, features and parameters from files; what is damaged is told in one line, and nothing is unpickled."""

import pickle
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from engine.test_values import tiny_rnnt
from hwsim.cli.main import main
from hwsim.engine.values.seeded import inputs_from, parameters_from
from hwsim.errors import FileProblem
from hwsim.inputs.archives import open_arrays
from hwsim.inputs.audio.logmel import FrontEnd, features, mel_filters
from hwsim.inputs.audio.resample import resampled
from hwsim.inputs.audio.wav import read_wav
from hwsim.inputs.features import inputs_in
from hwsim.inputs.weights import read_parameters
from hwsim.ir.workload import Workload
from hwsim.models.catalogue import workload
from hwsim.models.tdnnf import FactoredEncoder, FactoredLayer, Outputs, Tdnnf
from hwsim.results.measured import Sources
from hwsim.study.values import prepared
from strategies.recipes import MS

WAVE = (0.5 * np.sin(2 * np.pi * 440 * np.arange(4000) / 16000)).astype(np.float32)


def wav(data: bytes, *, kind: int = 1, bits: int = 16, rate: int = 16000, channels: int = 1, **lies: int) -> bytes:
    frame = channels * bits // 8
    header = struct.pack("<HHIIHH", kind, channels, rate, rate * frame, lies.get("frame", frame), bits)
    body = b"fmt " + struct.pack("<I", len(header)) + header + b"LIST" + struct.pack("<I", 3) + b"abc\0"
    body += b"data" + struct.pack("<I", lies.get("size", len(data))) + data
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WAVE" + body


def encoded(bits: int, kind: int) -> bytes:
    match kind, bits:
        case 1, 8:
            return bytes((np.rint(WAVE * 127) + 128).astype(np.uint8).tobytes())
        case 1, 24:
            whole = np.rint(WAVE * (2**23 - 1)).astype("<i4")
            return bytes(np.frombuffer(whole.tobytes(), np.uint8).reshape(-1, 4)[:, :3].tobytes())
        case 1, _:
            return bytes(np.rint(WAVE.astype(float) * (2 ** (bits - 1) - 1)).astype(f"<i{bits // 8}").tobytes())
        case _:
            return bytes(WAVE.astype(f"<f{bits // 8}").tobytes())


@pytest.mark.parametrize(("bits", "kind", "error"), [(8, 1, 0.01), (16, 1, 1e-4), (24, 1, 1e-6), (32, 1, 1e-6),
                                                     (32, 3, 0), (64, 3, 0)])  # fmt: skip
def test_every_width_gives_the_same_wave(bits: int, kind: int, error: float, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav(encoded(bits, kind), kind=kind, bits=bits))
    recording = read_wav(path)
    assert recording.rate == 16000
    assert np.abs(recording.samples - WAVE).max() <= error


def test_channels_are_mixed_and_an_extensible_header_is_read(tmp_path: Path) -> None:
    both = np.stack([WAVE, np.zeros_like(WAVE)], axis=1).astype("<f4").tobytes()
    path = tmp_path / "a.wav"
    path.write_bytes(wav(both, kind=3, bits=32, channels=2))
    assert np.abs(read_wav(path).samples - WAVE / 2).max() < 1e-7
    data = encoded(16, 1)
    header = struct.pack("<HHIIHHHHI", 0xFFFE, 1, 16000, 32000, 2, 16, 22, 16, 4) + struct.pack("<H", 1) + bytes(14)
    body = b"fmt " + struct.pack("<I", len(header)) + header + b"data" + struct.pack("<I", len(data)) + data
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body) + 4) + b"WAVE" + body)
    assert np.abs(read_wav(path).samples - WAVE).max() < 1e-4


GOOD = wav(encoded(16, 1))
NAN = np.array([0.0, np.nan], "<f4").tobytes()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is no WAV file"),
        (b"MP3 is no WAV", "is no WAV file"),
        (GOOD[:30], "is cut off in the chunk 'fmt '"),
        (GOOD[:-100], "says that it has 8000 bytes of samples, but 7900 are there"),
        (wav(encoded(16, 1), size=2**31), "says that it has 2147483648 bytes of samples, but 8000 are there"),
        (GOOD[:12], "has neither a format nor samples"),
        (wav(b""), "has 0 bytes of samples, no multiple of 2 above 0"),
        (wav(b"abc"), "has 3 bytes of samples, no multiple of 2 above 0"),
        (wav(NAN, kind=3, bits=32), "sample 1 is not a finite number"),
        (wav(encoded(16, 1), kind=7), "has samples of kind 7 with 16 bits"),
        (wav(encoded(16, 1), rate=0), "has 0 samples per second; 1000 to 768000 are read"),
        (wav(encoded(16, 1), channels=0), "has 0 channels; 1 to 64 are read"),
        (wav(encoded(16, 1), frame=5), "says 5 bytes for 1 samples of 16 bits"),
        (
            wav(encoded(16, 1), bits=0),
            "has samples of kind 1 with 0 bits; integers of 8 to 32 bits and floats are read",
        ),
        (
            wav(encoded(16, 1), bits=7),
            "has samples of kind 1 with 7 bits; integers of 8 to 32 bits and floats are read",
        ),
        (wav(encoded(16, 1), bits=12), "has samples of kind 1 with 12 bits; integers of 8 to 32 bits and floats are"),
    ],
)
def test_damaged_recordings(data: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(data)
    with pytest.raises(FileProblem) as error:
        read_wav(path)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000])
def test_resampling_keeps_a_tone_that_both_rates_have(rate: int) -> None:
    wave = np.sin(2 * np.pi * 500 * np.arange(rate) / rate).astype(np.float32)
    found = resampled(wave, rate, 16000)
    wanted = np.sin(2 * np.pi * 500 * np.arange(16000) / 16000)
    assert len(found) == 16000
    assert np.abs(found - wanted)[500:-500].max() < 1e-3


def test_resampling_removes_what_the_lower_rate_has_not() -> None:
    wave = np.sin(2 * np.pi * 15000 * np.arange(48000) / 48000).astype(np.float32)
    assert np.abs(resampled(wave, 48000, 16000))[500:-500].max() < 1e-3


@pytest.mark.parametrize("rate", [1000, 11025, 15999, 44100, 48000, 767957])
def test_resampling_a_part_at_a_time_changes_no_bit(rate: int, monkeypatch: pytest.MonkeyPatch) -> None:
    wave = np.random.default_rng(0).standard_normal(700).astype(np.float32)
    whole = resampled(wave, rate, 16000)
    for numbers in (1, 5000, 1 << 30):
        monkeypatch.setattr("hwsim.inputs.audio.resample._NUMBERS", numbers)
        assert resampled(wave, rate, 16000).tobytes() == whole.tobytes()


def test_resampling_takes_little_memory_whatever_the_rate() -> None:
    """Rates without a common factor have a filter for each of 16,000 phases, of thousands of weights each."""
    wave = np.zeros(60_000, np.float32)
    tracemalloc.start()
    made = resampled(wave, 767_957, 16_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(made) == 1251
    assert peak < 96 << 20


def test_mel_bands_are_triangles_that_add_up() -> None:
    filters = mel_filters(40, 512, 16000)
    inside = filters.sum(axis=1)[5:240]
    assert filters.min() >= 0
    assert np.abs(inside - 1).max() < 1e-9


def test_a_tone_is_loudest_in_its_band() -> None:
    tone = FrontEnd(bins=80, deltas=0, stack=1)
    filters = mel_filters(80, 512, 16000)
    rising = np.concatenate([0.01 * WAVE, WAVE])  # normalised, only what changes is seen
    frames = features(rising, 16000, tone)
    assert frames.shape == (50, 80)
    assert frames[40:].mean() > frames[:20].mean()
    assert filters[round(440 * 512 / 16000)].max() > 0


def test_deltas_and_stacks_lie_side_by_side() -> None:
    plain = features(WAVE, 16000, FrontEnd(bins=40, deltas=0, stack=1))
    whole = features(WAVE, 16000, FrontEnd(bins=40, deltas=2, stack=2, absent=100))
    assert whole.shape == (13, 340)
    assert np.array_equal(whole[3, :40], plain[6])
    assert np.array_equal(whole[3, 120:160], plain[7])
    slope = (2 * (plain[8] - plain[4]) + (plain[7] - plain[5])) / 10
    np.testing.assert_allclose(whole[3, 40:80], slope, atol=1e-5)
    assert not whole[:, 240:].any()


def test_a_recording_decides_how_long_the_workload_is(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav(np.tile(np.frombuffer(encoded(16, 1), "<i2"), 2).tobytes(), rate=16000))
    work = workload(tiny_rnnt(3, encoder=wide_encoder()), "w8a8")
    ready = prepared(work, Sources(input=path))
    assert float(ready.workload.audio_seconds) == 0.5
    assert ready.given.inputs["features"].shape == (25, 1, 240)
    assert ready.given.inputs["features"].std() > 0.5


def wide_encoder() -> Any:
    from dataclasses import replace

    return replace(tiny_rnnt(3).encoder, features=240, layers=1)


@pytest.mark.parametrize("batch", [1, 2, 30])
def test_every_utterance_of_a_batch_hears_the_recording_frame_after_frame(batch: int, tmp_path: Path) -> None:
    """Thirty utterances of thirty frames too: where frames lie, the network says, not the sizes."""
    layers = (FactoredLayer(stride=0, bottleneck=2),)
    sizes = FactoredEncoder(features=40, frame=10 * MS, splice=0, size=3, layers=layers)
    recipe = Tdnnf(name="t", audio=MS, batch=batch, encoder=sizes, outputs=Outputs(bottleneck=2, states=3))
    path = tmp_path / "a.wav"
    path.write_bytes(wav(np.random.default_rng(0).integers(-9999, 9999, 4800).astype("<i2").tobytes()))
    heard = prepared(workload(recipe, "w8a8"), Sources(input=path)).given.inputs["features"]
    assert heard.shape == (batch, 30, 40)
    assert all(np.array_equal(heard[0], one) for one in heard)
    assert not np.array_equal(heard[0, 0], heard[0, 1])


WORK: Workload = workload(tiny_rnnt(3), "w8a8")
PARAMETERS = parameters_from(WORK.program, 0)


def test_parameters_are_read_from_both_kinds_of_file(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **PARAMETERS)  # type: ignore[arg-type]
    save_file(PARAMETERS, tmp_path / "a.safetensors")
    for name in ("a.npz", "a.safetensors"):
        found, _ = read_parameters(tmp_path / name, WORK.program)
        assert found.keys() == PARAMETERS.keys()
        assert all(np.array_equal(found[key], PARAMETERS[key]) for key in found)


class Bomb:
    """Runs when it is unpickled."""

    ran = False

    def __reduce__(self) -> tuple[Callable[[], None], tuple[()]]:
        return _explode, ()


def _explode() -> None:
    Bomb.ran = True


def changed(**arrays: Any) -> dict[str, Any]:
    return {**PARAMETERS, **arrays}


BIAS = "joint.output.bias"


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {k: v for k, v in PARAMETERS.items() if k != BIAS},
            f"lacks {BIAS} of {WORK.program.name}; its arrays are named as",
        ),
        ({}, "lacks encoder.0.backward.input.bias, encoder.0.backward.input.weight, encoder.0.backward.recurrent.bias"),
        (changed(other=np.zeros(3)), f"has other, which {WORK.program.name} lacks"),
        (changed(**{BIAS: np.zeros(3)}), f"{BIAS} has shape (3,), expected (5,)"),
        (changed(**{BIAS: np.full(5, np.nan)}), f"'{BIAS}'[0] is nan; all numbers must be finite in fp32"),
        (changed(**{BIAS: np.full(5, 1e300)}), "all numbers must be finite in fp32"),
        (changed(**{BIAS: np.array(["a"] * 5)}), "not real numbers"),
        (changed(**{BIAS: np.array([Bomb()] * 5, object)}), "holds pickled Python objects, which are never read"),
    ],
)
def test_parameters_that_do_not_fit(arrays: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, **(arrays or {"x": np.zeros(1)}))
    with pytest.raises(FileProblem) as error:
        read_parameters(path, WORK.program)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert not Bomb.ran


def npz(member: bytes) -> bytes:
    from io import BytesIO

    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(f"{BIAS}.npy", member)
    return file.getvalue()


def npy(shape: str, descr: str = "'<f4'", data: bytes = b"") -> bytes:
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


SAFE_HEADER = b'{"x":{"dtype":"F32","shape":[9999999999999],"data_offsets":[0,4]}}'


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is neither NPZ nor safetensors"),
        (b"PK\x03\x04 and nothing", "is no readable NPZ file"),
        (npz(npy("(10**12,)")), "is no readable array"),
        (npz(npy("(1000000000000,)")), "says that it is (1000000000000,), 4000000000000 bytes, but has 0"),
        (npz(npy("(2, 2)", data=bytes(15))), "says that it is (2, 2), 16 bytes, but has 15"),
        (npz(npy("(-1,)", data=bytes(4))), "says that it is (-1,)"),
        (npz(npy("(5,)", "'|O'", pickle.dumps([Bomb()]))), "holds pickled Python objects, which are never read"),
        (npz(npy("(" + "1," * 40 + ")", data=bytes(4))), "has 40 axes"),
        (npz(b"\x93NUMPY\x01\x00\xff"), "is no readable array"),
        (npy("(5,)", data=bytes(20)), "holds one array without a name"),
        (pickle.dumps([Bomb()]), "is neither NPZ nor safetensors"),
        (struct.pack("<Q", 2**60) + b"{}", "is neither NPZ nor safetensors"),
        (struct.pack("<Q", len(SAFE_HEADER)) + SAFE_HEADER + bytes(4), "is neither NPZ nor safetensors"),
    ],
)
def test_damaged_parameter_files(data: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(data)
    with pytest.raises(FileProblem) as error:
        read_parameters(path, WORK.program)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert not Bomb.ran


def test_a_flipped_byte_inside_an_archive_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, **PARAMETERS)  # type: ignore[arg-type]
    data = bytearray(path.read_bytes())
    data[400] ^= 255
    path.write_bytes(bytes(data))
    with pytest.raises(FileProblem, match=r"is (damaged|no readable)"):
        read_parameters(path, WORK.program)


def test_features_may_leave_out_axes_of_size_one(tmp_path: Path) -> None:
    wanted = inputs_from(WORK.program, 1)["features"]
    np.savez(tmp_path / "a.npz", features=wanted[:, 0])
    found = inputs_in(open_arrays(tmp_path / "a.npz"), WORK.program)
    assert np.array_equal(found["features"], wanted)
    np.savez(tmp_path / "b.npz", features=wanted[:2])
    with pytest.raises(FileProblem, match=r"features has shape \(2, 1, 6\), expected \(3, 1, 6\)"):
        inputs_in(open_arrays(tmp_path / "b.npz"), WORK.program)
    np.savez(tmp_path / "c.npz", feature=wanted)
    with pytest.raises(FileProblem, match="feature is no input of the model; did you mean features"):
        inputs_in(open_arrays(tmp_path / "c.npz"), WORK.program)


@pytest.mark.parametrize("frames", [2, 9])
def test_features_decide_how_long_the_workload_is(frames: int, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", features=np.random.default_rng(0).normal(size=(frames, 6)))
    ready = prepared(WORK, Sources(input=tmp_path / "a.npz"))
    assert ready.workload.audio == ready.declared.audio == frames * 20 * MS
    assert ready.given.inputs["features"].shape == (frames, 1, 6)


EXTREMES = [1e-40, 1e-20, 1e4, 1e20, 1e38, 3e38]
DYNAMIC = "{policy: w8a8, quantise: {activations: {mode: dynamic}}}"
PLANS = ["fp16", "bf16", "fp32", "w8a8", "w4a8", "w4a16", DYNAMIC]


@pytest.mark.slow
@pytest.mark.parametrize("plan", PLANS)
def test_weights_of_any_size_give_figures_or_one_line(plan: str, tmp_path: Path, capfd: Any) -> None:
    """Whatever becomes infinite is named, and no library's warning stands beside it."""
    work, weights = tmp_path / "work.yaml", tmp_path / "w.npz"
    work.write_text(SMALL.format(plan=plan))
    random = np.random.default_rng(0)
    for size in EXTREMES:
        for signs in ([1.0], [-1.0, 1.0]):
            made = {name: random.choice(signs, values.shape) * size for name, values in PARAMETERS.items()}
            kept: dict[str, Any] = {name: values.astype(np.float32) for name, values in made.items()}
            np.savez(weights, **kept)
            code = main(["trace", str(work), "--weights", str(weights)])
            out, err = capfd.readouterr()
            assert (code, bool(out), err.count("\n")) in ((0, True, 0), (2, False, 1)), err
            assert code == 0 or "w.npz: " in err or any(f" {op}: " in err for op in OPS), err
            assert "factor" not in err
            assert "inf" not in out.replace("infinite", "")
            assert "nan" not in out


@pytest.mark.parametrize(
    ("plan", "size", "message"),
    [
        ("fp16", 1e4, "encoder.1.forward.input: its results leave the numbers of fp16; smaller weights and inputs, or"),
        ("fp16", 1e38, "holds 1e+38, which is infinite in fp16; smaller weights or a wider format"),
        (
            "w8a8",
            1e-40,
            "encoder.0.forward.gates: the ranges of its operands are too far apart for integers; scale what",
        ),
    ],
)
def test_what_weights_lead_to_is_named(plan: str, size: float, message: str, tmp_path: Path, capfd: Any) -> None:
    work, weights = tmp_path / "work.yaml", tmp_path / "w.npz"
    work.write_text(SMALL.format(plan=plan))
    made: dict[str, Any] = {name: np.full(values.shape, size, np.float32) for name, values in PARAMETERS.items()}
    np.savez(weights, **made)
    assert main(["trace", str(work), "--weights", str(weights)]) == 2
    assert message in capfd.readouterr().err


SMALL = """\
name: tiny
kind: rnnt
audio: 60 ms
precision: {plan}
encoder: {{features: 6, frame: 20 ms, layers: 2, cells: 5, bidirectional: true}}
prediction: {{embedding: 3, cells: 4}}
joint: {{size: 4, outputs: 5}}
decoding: {{kind: greedy, symbols_per_second: 20}}
"""
OPS = {placed.op.name for placed in WORK.program.placed()}
