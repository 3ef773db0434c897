"""Time and memory of coding adversarial pictures beside their source pictures: resources.json."""

from __future__ import annotations

from typing import TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from bench.store.side_file import SideFile
from bench.store.timings import Seconds


class Usage(BaseModel):
    """What it took to code one picture, while nothing else of the run was at work.

    Attributes:
        encoding: seconds to encode it, one for each repetition.
        decoding: seconds to decode it.
        encode_peak: peak memory of encoding in bytes, see `bench.utils.memory`; measured in a
            further repetition. None on systems that do not report it.
        decode_peak: peak memory of decoding.
        load: mean number of other threads that were running on the machine when a repetition
            began; None where the system does not report it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    encoding: Seconds
    decoding: Seconds
    encode_peak: int | None = Field(ge=0)
    decode_peak: int | None = Field(ge=0)
    load: float | None


class Measured(BaseModel):
    """One picture that was coded again.

    Attributes:
        picture: name of the source picture.
        craft: key of the search that made it; None for the source picture itself.
        usage: what it took; None if the codec failed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    picture: str
    craft: str | None
    usage: Usage | None


Resources: TypeAlias = dict[str, tuple[Measured, ...]]
"""The pictures that were coded again, by the label of the operating point."""

RESOURCES: SideFile[Resources] = SideFile("resources.json", TypeAdapter(Resources), {}, "resources")
