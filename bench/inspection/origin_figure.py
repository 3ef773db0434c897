"""The figure of where the harm of an attack arises: gains of layers, and bits by stream."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import matplotlib as mpl

from bench.inspection.origin import Layer, Origin, Stream

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LINE = 0.22
"""Height of a layer's bar, in inches."""


def draw(origin: Origin, caption: str) -> bytes:
    """Return the figure as PNG.

    Args:
        origin: where the harm arises.
        caption: its title.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415 - takes half a second to import

    with mpl.rc_context({"font.size": 8, "text.parse_math": False}):
        height = max(3.0, 1.2 + _LINE * len(origin.layers))
        figure = Figure(figsize=(11, height), layout="constrained", dpi=120)
        figure.suptitle(caption)
        gains, bits = figure.subplots(1, 2)
        _draw_gains(gains, origin.layers)
        _draw_bits(bits, origin.streams)
        stream = io.BytesIO()
        figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()


def _draw_gains(axes: Axes, layers: list[Layer]) -> None:
    names = [layer.name for layer in layers]
    finite = [layer.gain for layer in layers if 0 < layer.gain < float("inf")]
    most = max(finite, default=1.0)
    logs = [min(max(layer.gain, 1 / 64), 2 * most) for layer in layers]
    colours = ["tab:red" if gain > 1 else "tab:blue" for gain in logs]
    axes.barh(range(len(names)), [gain - 1 for gain in logs], left=1, color=colours)
    axes.set_yticks(range(len(names)), names)
    axes.set(xscale="log", title="gain: change of a layer's output by change of its input")
    axes.axvline(1, color="black", linewidth=0.6)
    axes.invert_yaxis()
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.xaxis.set_minor_formatter(lambda value, _: f"{value:g}")
    axes.grid(axis="x", alpha=0.3)


def _draw_bits(axes: Axes, streams: list[Stream]) -> None:
    titles = ["source", "adversarial"]
    titles.extend(f"adversarial,\n{stream.name} of the source" for stream in streams)
    bottom = [0.0, 0.0]
    for stream in streams:
        values = [stream.bits, stream.attacked_bits]
        axes.bar([0, 1], values, bottom=bottom, label=f"latents {stream.name}")
        bottom = [before + value for before, value in zip(bottom, values, strict=True)]
    restored = [stream.restored_bits or 0 for stream in streams]
    axes.bar(range(2, 2 + len(streams)), restored, color="tab:grey", label="whole bitstream")
    axes.set_xticks(range(len(titles)), titles)
    axes.set(title="bits")
    axes.legend(frameon=False)
    axes.grid(axis="y", alpha=0.3)
