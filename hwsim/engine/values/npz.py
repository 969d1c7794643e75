"""Streams as an NPZ file, written chunk by chunk: the same streams, the same bytes."""

import zipfile
from io import BytesIO
from typing import BinaryIO

import numpy as np

from hwsim.engine.values.spool import Spool

_DATE = (1980, 1, 1, 0, 0, 0)


def write_npz(spool: Spool, file: BinaryIO) -> None:
    """One array for each stream, by its key."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for key in sorted(spool.streams):
            stream = spool.streams[key]
            header = BytesIO()
            described = {"descr": np.lib.format.dtype_to_descr(stream.kind), "fortran_order": False}
            np.lib.format.write_array_header_1_0(header, {**described, "shape": stream.shape})
            member = zipfile.ZipInfo(f"{key}.npy", _DATE)
            with archive.open(member, "w", force_zip64=True) as target:
                target.write(header.getvalue())
                for chunk in stream.chunks():
                    target.write(chunk)
