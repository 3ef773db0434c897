"""What the files of the networks lack: the map from scales to deviations, and the prior of z.

    y - mean   a rounded Gaussian of mean 0 and deviation (|gain * scale|^3 + floor^3)^(1/3)
    z          a rounded Gaussian for each channel

`jpeg_ai_networks.fit` fits the gain, the floor of each channel, and the Gaussians to photographs.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class ComponentPrior:
    """The fitted values of luma, or of chroma.

    Attributes:
        gain: factor of the scale network's output.
        floors: the deviation of each channel of y where that output is 0.
        hyper_means: the mean of each channel of z.
        hyper_scales: the deviation of each channel of z.
    """

    gain: float
    floors: tuple[float, ...]
    hyper_means: tuple[float, ...]
    hyper_scales: tuple[float, ...]


@dataclass(frozen=True)
class Prior:
    """All fitted values.

    Attributes:
        networks: the hash of the networks that they were fitted to.
        luma: those of luma.
        chroma: those of chroma.
    """

    networks: str
    luma: ComponentPrior
    chroma: ComponentPrior

    def write(self, file: Path) -> None:
        """Write a JSON file that `read` reads."""
        file.write_text(json.dumps(asdict(self)) + "\n", encoding="utf-8")


def read(file: Path) -> Prior:
    """Return the prior of a file."""
    values = json.loads(file.read_text(encoding="utf-8"))
    luma, chroma = (_component(values[name]) for name in ("luma", "chroma"))
    return Prior(values["networks"], luma, chroma)


def shipped() -> Path:
    """Return the file that comes with the package."""
    with resources.as_file(resources.files(__package__)) as folder:
        return folder / "prior.json"


def _component(values: dict[str, Any]) -> ComponentPrior:
    lists = {name: tuple(one) for name, one in values.items() if name != "gain"}
    return ComponentPrior(gain=values["gain"], **lists)
