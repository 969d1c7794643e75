"""Runs mutated YAML files through the command line, inside one process with little memory and an alarm per file.

    python tests/cli/fuzz_files.py SEED COUNT FOLDER KEEP

A file must give a run, or one line on standard error and exit code 2. At least a quarter of the files change nothing
but values, and stay valid. The first KEEP files are left in the folder, for the real command, before any is run.
"""

import io
import re
import resource
import signal
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from random import Random

ADDRESS_SPACE = 1 << 30
SECONDS_PER_FILE = 30

ROOT = Path(__file__).resolve().parents[2]
WORKLOADS = ("rnnt", "mlperf_rnnt", "conformer_s", "tdnnf_7q", "transformer_lm", "lstm_lm")


def shallow(text: bytes) -> bytes:
    """Deep networks with one layer, or a few, and few tokens, so that many files run in little time."""
    few = text.replace(b"symbols_per_second: 3.5", b"symbols_per_second: 0.4")
    few = re.sub(rb"(    - \{stride: [13], bottleneck: 192\}\n){2,}", rb"\1", few)
    return re.sub(rb"layers: (?:2|6|16),", b"layers: 1,", few)


ORIGINALS = {
    # A small scratchpad, for which there are few ways to plan.
    "arch": (ROOT / "arch/int4_array.yaml").read_bytes().replace(b"size: 2 MiB", b"size: 64 KiB"),
    **{name: shallow((ROOT / f"workloads/{name}.yaml").read_bytes()) for name in WORKLOADS},
    "energy": (ROOT / "arch/energy/generic_7nm.yaml").read_bytes(),
}

# Of each value that a valid file may change: how to find it, and other values that it may have.
VALUES = {
    "arch": {
        rb"name: (int4_array)": ["'[/b] :smile:'", '"\\u00b5 [red]"', "x" * 80],
        rb"clock: (1 GHz)": ["1.5 GHz", "800 MHz", "1e9", "2000 kHz", "700000000"],
        rb"rows: (64)": ["1", "3", "8", "128", "256", "1000"],
        rb"cols: (64)": ["1", "5", "16", "128", "512"],
        rb"dataflow: (ws)": ["is", "os"],
        rb"weight_load: (wavefront)": ["broadcast"],
        rb"shadow_weights: (true)": ["false"],
        rb"drain: (separate)": ["serial", "shared"],
        rb"m_chunk: (null)": ["1", "7", "64", "~"],
        rb"(\{fp16: 1, int8: 4, int4: 8\})": ["{int4: 1}", "{int4: {k: 8, n: 8}}", "{int8: 2, int4: {n: 4}}"],
        rb"entries: (1024)": ["null", "1", "64", "100000"],
        rb"bits: (32)": ["16", "24", "8"],
        rb"lanes: (64)": ["1", "7", "1024"],
        rb"sigmoid: (4)": ["1", "100"],
        rb"size: (64 KiB)": ["2 MiB", "512 KiB", "100 kB", "16 MiB", "4096 B"],
        rb"banks: (16)": ["1", "4", "32"],
        rb"shared_port: (true)": ["false"],
        rb"read: (512 B/cycle)": ["1 B/cycle", "4096 B/cycle"],
        rb"buffers: (2)": ["1", "3", "16"],
        rb"type: (lpddr4)": ["hbm2", "ddr4", "gddr6"],
        rb"latency: (100 ns)": ["0 s", "1 us", "333 ps", "2 ms"],
        rb"write: (64 GB/s)": ["1 GB/s", "819.2 GB/s", "3 kB/s"],
    },
    "energy": {
        rb"name: (generic_7nm)": ["'[/x]'"],
        rb"node: (7 nm)": ["0.007 um", "45 nm"],
        rb"energy: (0.07 pJ)": ["0 aJ", "70 fJ", "3 J", "0.0001 aJ"],
        rb"energy: (8 pJ)": ["0 pJ", "12.5 fJ"],
        rb"bits: (64), source: .Jouppi ISCA 2021, Table 2., sure: read": ["1", "1024"],
    },
    "rnnt": {
        rb"name: (rnnt)": ["'[bold]'"],
        rb"audio: (10 s)": ["1 ms", "3.3 s", "1 min", "2 h", "24 h"],
        rb"batch: (1)": ["2", "16", "1000"],
        rb"precision: (w4a4)": ["fp16", "w8a8", "w2a2", "{policy: w4a4, rules: [{match: 'joint.*', policy: w8a8}]}"],
        rb"features: (340)": ["1", "240", "4000"],
        rb"frame: (20 ms)": ["10 ms", "1 ms", "1 s"],
        rb"layers: (1), cells": ["2", "3"],
        rb"cells: (640)": ["1", "33", "2048"],
        rb"bidirectional: (true)": ["false"],
        rb"embedding: (10)": ["1", "512"],
        rb"cells: (768)": ["5", "1024"],
        rb"outputs: (46)": ["1", "30000"],
        rb"symbols_per_second: (14)": ["0.001", "30", "4.5"],
        rb"beam: (16)": ["1", "4", "1000"],
        rb"\n  (kind: alignment_length)": ["kind: time_synchronous\n  expansions: 2"],
        rb"host: (0 s)": ["1 ms", "20 us"],
        rb"cells: 2048, layers: (2)": ["1", "3"],
        rb"\n(joint:)": ["lengths: {shares: [{length: 1 s, utterances: 3}], buckets: [2 s]}\njoint:"],
    },
    "mlperf_rnnt": {
        rb"audio: (10 s)": ["1 ms", "3.3 s", "1 min", "24 h"],
        rb"after: (2)": ["1", "4"],
        rb"factor: (2)": ["3", "16"],
        rb"layers: (1), symbols": ["2", "4"],
        rb"combine: (concatenate)": ["add", "multiply"],
        rb"\n(prediction:)": ["streaming: {chunk: 480 ms}\nprediction:"],
    },
    "conformer_s": {
        rb"audio: (10 s)": ["70 ms", "1.3 s", "40 s"],
        rb"precision: (w4a8)": ["fp16", "w4a16", "w8a16g32", "w2a4", "{policy: w4a16, cache: int8}"],
        rb"mels: (80)": ["7", "64"],
        rb"layers: (1)": ["2"],
        rb"size: (144)": ["4", "256"],
        rb"heads: (4)": ["1", "2"],
        rb"kernel: (31)": ["1", "15"],
        rb"\n(decoder:)": ["streaming: {chunk: 400 ms, left_context: 1.2 s, look_ahead: 80 ms}\ndecoder:"],
    },
    "tdnnf_7q": {
        rb"audio: (10 s)": ["1 ms", "3.3 s", "1 h"],
        rb"precision: (w4a8)": ["fp16", "w4a4", "w4a16"],
        rb"splice: (1)": ["0", "4"],
        rb"ivector: (100)": ["0", "1"],
        rb"stride: (0)": ["3", "6"],
        rb"bottleneck: (192)": ["1", "60"],
        rb"subsampling: (3)": ["1"],
        rb"training_branch: (true)": ["false"],
    },
    "transformer_lm": {
        rb"audio: (10 s)": ["1 ms", "3.3 s", "30 s"],
        rb"batch: (16)": ["1", "3"],
        rb"precision: (w2a8)": ["fp16", "w4a16", "{policy: w2a8, cache: int4}"],
        rb"heads: (8)": ["1", "16"],
        rb"outputs: (30000)": ["1", "100"],
    },
    "lstm_lm": {
        rb"audio: (10 s)": ["1 ms", "1 h"],
        rb"layers: (2)": ["1", "5"],
        rb"embedding: (2048)": ["1", "20"],
    },
}
JUNK = [
    b"\x00",
    b"\xff\xfe",
    b"\t",
    b"- ",
    b": ",
    b"{",
    b"]",
    b"*a",
    b"&a ",
    b"!!int ",
    b"---\n",
    b"...",
    b"|",
    b">",
    b"%",
]
WORDS = [
    b".nan",
    b"-.inf",
    b"1e400",
    b"9" * 60,
    b"-1",
    b"0",
    b"",
    b"null",
    b"[]",
    b"{}",
    b"'x'",
    b"1:30",
    b"0x10",
    b"1 parsec",
]


def change_values(kind: str, random: Random) -> bytes:
    text = ORIGINALS[kind]
    for pattern in random.sample(list(VALUES[kind]), random.randint(1, min(4, len(VALUES[kind])))):
        found = re.search(pattern, text)
        assert found is not None, pattern
        value = random.choice(VALUES[kind][pattern]).encode()
        text = text[: found.start(1)] + value + text[found.end(1) :]
    return text


def change_bytes(kind: str, random: Random) -> bytes:
    text = bytearray(ORIGINALS[kind])
    for _ in range(random.randint(1, 3)):
        place = random.randrange(len(text))
        match random.randrange(4):
            case 0:
                text[place] = random.randrange(256)
            case 1:
                text[place:place] = random.choice(JUNK)
            case 2:
                del text[place : place + random.randint(1, 20)]
            case _:
                del text[place:]
                if not text:
                    break
    return bytes(text)


def change_lines(kind: str, random: Random) -> bytes:
    lines = ORIGINALS[kind].split(b"\n")
    for _ in range(random.randint(1, 3)):
        place = random.randrange(len(lines))
        match random.randrange(5):
            case 0:
                lines.insert(place, random.choice(lines))
            case 1:
                lines.pop(place)
            case 2:
                lines[place] = b"  " + lines[place]
            case 3:
                lines[place] = re.sub(rb":.*", b": " + random.choice(WORDS), lines[place])
            case _:
                lines[place] = re.sub(rb"\w", lambda m: bytes([m[0][0] ^ 1]), lines[place], count=1)
    return b"\n".join(lines)


def mutations(seed: int, count: int) -> list[tuple[str, bytes, bool]]:
    """Of each file: what was mutated, its bytes, and whether only values were changed."""
    random = Random(seed)
    found = []
    for number in range(count):
        kind = random.choice([*ORIGINALS, *3 * ["energy", "lstm_lm"]])
        valid = number % 3 == 0
        change = change_values if valid else random.choice([change_bytes, change_lines])
        found.append((kind, change(kind, random), valid))
    return found


def arguments(kind: str, path: Path) -> list[str]:
    """A command that reads the file; a price table is read by the chip beside it that names it."""
    if kind == "energy":
        chip = path.with_name(f"chip-of-{path.stem}.yml")
        chip.write_bytes(ORIGINALS["arch"].replace(b"energy: generic_7nm", b"energy: " + path.name.encode()))
        path = chip
    if kind not in WORKLOADS:
        work = path.with_name("small-work.yml")
        work.write_bytes(ORIGINALS["lstm_lm"].replace(b"layers: 2", b"layers: 1"))
        return ["run", str(path), str(work)]
    # A chip with few ways to plan for.
    chip = path.with_name("small-chip.yml")
    chip.write_bytes(ORIGINALS["arch"].replace(b"size: 64 KiB", b"size: 48 KiB").replace(b"buffers: 2", b"buffers: 1"))
    return ["run", str(chip), str(path)]


def judge(code: int, printed: str, complaint: str) -> str | None:
    """What is wrong with how the command ended, or None."""
    if code == 0:
        return (
            None
            if printed and not complaint
            else f"ran, but printed {printed[:80]!r} and complained {complaint[:200]!r}"
        )
    if code != 2:
        return f"exit code {code}: {complaint[-500:]}"
    one_line = complaint.count("\n") == 1 and complaint.startswith("hwsim: ")
    return None if one_line and not printed else f"not one line: {complaint[:500]!r}, {printed[:80]!r}"


def main(seed: int, count: int, folder: Path, keep: int) -> int:
    from hwsim.cli.main import main as hwsim

    files = mutations(seed, count)
    for number, (kind, text, _) in enumerate(files[:keep]):
        (folder / f"{number}-{kind}.yaml").write_bytes(text)
    print(f"{keep} files kept", flush=True)

    with redirect_stdout(io.StringIO()):
        hwsim(["run", "int4_array", "lstm_lm"])  # compiles the kernels while there is memory for it
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    valid_runs = 0
    path = folder / "mutated.yaml"
    for number, (kind, text, valid) in enumerate(files):
        path.write_bytes(text)
        printed, complaint = io.StringIO(), io.StringIO()
        signal.alarm(SECONDS_PER_FILE)
        try:
            with redirect_stdout(printed), redirect_stderr(complaint):
                code = hwsim(arguments(kind, path))
        except BaseException as error:
            error.add_note(f"seed {seed}, file {number}:\n{text.decode(errors='replace')}")
            raise
        signal.alarm(0)
        problem = judge(code, printed.getvalue(), complaint.getvalue())
        if problem is not None:
            print(f"seed {seed}, file {number}: {problem}\n{text.decode(errors='replace')}")
            return 1
        valid_runs += valid and code == 0
    print(f"{count} files, {valid_runs} with other valid values ran")
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), keep=int(sys.argv[4])))
