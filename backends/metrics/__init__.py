"""The metrics that a suite can add to the scores of every evaluation, by name.

To add one, write a module in this package and add an entry here. The type is `bench.metric`; the
scores that every evaluation has live in `bench.metrics`.
"""

from bench.entry import Entry

METRICS: dict[str, Entry] = {
    "ciede2000": Entry(
        "backends.metrics.colour:Ciede2000",
        "mean perceptual colour difference CIEDE2000",
        paper="doi.org/10.1002/col.20070",
    ),
    "generations": Entry(
        "backends.metrics.generations:Generations",
        "PSNR that is lost in further generations of coding",
        paper="doi.org/10.1145/3394171.3413680",
    ),
    "generation-rate": Entry(
        "backends.metrics.generations:GenerationRate",
        "rate of a further generation of coding",
        paper="doi.org/10.1145/3394171.3413680",
    ),
}
