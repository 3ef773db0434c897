"""How long codecs take on a megapixel: timings.json of a run folder."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from bench.store.side_file import SideFile

Seconds = Annotated[tuple[Annotated[float, Field(ge=0)], ...], Field(min_length=1)]
"""Seconds of each repetition."""


class Timing(BaseModel):
    """How long an operating point took, warm, while nothing else of the run was at work.

    Attributes:
        pixels: number of pixels of the picture.
        encoding: seconds to encode it, one for each repetition.
        decoding: seconds to decode it.
        load: mean number of other threads that were running on the machine when a repetition
            began; None where the system does not report it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    pixels: int = Field(ge=1)
    encoding: Seconds
    decoding: Seconds
    load: float | None

    @property
    def encoding_s_mp(self) -> float:
        """Seconds per megapixel to encode, of the fastest repetition."""
        return min(self.encoding) / self.pixels * 1e6

    @property
    def decoding_s_mp(self) -> float:
        """Seconds per megapixel to decode, of the fastest repetition."""
        return min(self.decoding) / self.pixels * 1e6


Timings: TypeAlias = dict[str, Timing | None]
"""Timings by the label of the operating point; None for a codec that failed on the picture. A codec
over which the machine ran out of a resource is left out."""

TIMINGS: SideFile[Timings] = SideFile("timings.json", TypeAdapter(Timings), {}, "times")
