"""The metrics that ship with the harness beside the scores that every cell has, by name.

To add one: write a file in this folder, and a line here.
"""

from bench.entry import Entry

METRICS: dict[str, Entry] = {
    "ciede2000": Entry(
        "backends.metrics.colour:Ciede2000",
        "mean difference of colours as they are seen",
        paper="doi.org/10.1002/col.20070",
    ),
}
