"""Small networks whose layers get formats of their own."""

from typing import Any

TDNNF: dict[str, Any] = {
    "name": "small",
    "kind": "tdnnf",
    "audio": "1 s",
    "precision": "w4a8",
    "encoder": {
        "features": 10,
        "frame": "10 ms",
        "splice": 1,
        "ivector": 8,
        "size": 48,
        "subsampling": 3,
        "layers": [
            {"stride": 1, "bottleneck": 16},
            {"stride": 0, "bottleneck": 12},
            {"stride": 3, "bottleneck": 16},
        ],
    },
    "outputs": {"bottleneck": 20, "states": 30, "training_branch": True},
}
