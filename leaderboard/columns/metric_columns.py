"""The columns of figures: what a codec does unattacked, and what the worst case did to it."""

from __future__ import annotations

from leaderboard.aggregate.extra_metrics import MetricColumn
from leaderboard.aggregate.threats import WITHOUT_GRADIENTS, meaning
from leaderboard.columns.column import (
    AnyColumn,
    Column,
    median,
    most,
    of_attack,
    of_clean,
    of_gain,
    of_kind,
    of_lossless,
    of_noise,
)
from leaderboard.formatting import decibel, factor, figure, percent, rate, similarity

DROP = Column(
    "drop dB",
    of_attack(lambda d: d.drop_db),
    decibel,
    "clean PSNR less worst PSNR, mean; none for a lossless codec",
    "lower",
    terminal=True,
)
BEYOND = Column(
    "beyond change dB",
    of_attack(lambda d: d.beyond_change),
    decibel,
    "by how much worst PSNR is below that of a codec with the same error of its own which keeps"
    " the change in the picture faithfully, as the lossless reference does, mean; below 0 the"
    " codec removes some of the change",
    "lower",
)
RATE = Column(
    "rate",
    of_attack(lambda d: d.bpp_factor),
    factor,
    "the bitstream's length by that of the unattacked picture; the largest of all attacks for"
    " each picture, then the geometric mean",
    "lower",
    terminal=True,
)
COST = Column(
    "R-D cost",
    of_attack(lambda d: d.rd_factor),
    factor,
    "the R-D cost by that of the unattacked picture; the largest of all attacks for each"
    " picture, then the geometric mean",
    "lower",
    terminal=True,
)

CLEAN: tuple[AnyColumn, ...] = (
    Column(
        "clean bpp",
        of_clean(lambda c: c.bpp),
        rate,
        "bits per pixel of the unattacked pictures, all bytes of the bitstream counted, mean",
        "lower",
        terminal=True,
    ),
    Column(
        "clean PSNR dB",
        of_clean(lambda c: c.psnr),
        decibel,
        "of the decoded unattacked pictures against the source pictures, mean",
        "higher",
        terminal=True,
    ),
    Column(
        "clean luma PSNR dB",
        of_clean(lambda c: c.luma_psnr),
        decibel,
        "likewise, of the luma (BT.709) alone: fair to codecs that keep colour at half the size",
        "higher",
    ),
    Column(
        "clean MS-SSIM",
        of_clean(lambda c: c.ms_ssim),
        similarity,
        "multi-scale structural similarity, of pictures above 160 pixels, mean",
        "higher",
    ),
    Column(
        "clean VMAF",
        of_clean(lambda c: c.vmaf),
        percent,
        "of the luma, 0 to 100, about 97 for a picture that did not change; where the suite asks"
        " for it, mean",
        "higher",
    ),
    Column(
        "encoding s/MP",
        of_clean(lambda c: c.encoding),
        rate,
        "seconds a megapixel to encode the unattacked pictures on the machine named below, mean",
        "lower",
    ),
    Column("decoding s/MP", of_clean(lambda c: c.decoding), rate, "likewise, to decode", "lower"),
    Column(
        "encoding MB",
        of_clean(lambda c: c.encoding_memory),
        percent,
        "megabytes of memory that encoding an unattacked picture took at most, on top of what the"
        " codec keeps loaded; that of external programs is all theirs, mean",
        "lower",
    ),
    Column(
        "decoding MB",
        of_clean(lambda c: c.decoding_memory),
        percent,
        "likewise, to decode",
        "lower",
    ),
)
"""What a codec does without an attack."""

WORST: tuple[AnyColumn, ...] = (
    Column(
        "worst PSNR dB",
        of_attack(lambda d: d.psnr),
        decibel,
        "of the decoded attacked pictures against the source pictures; the lowest of all attacks"
        " for each picture, then the mean",
        "higher",
        terminal=True,
    ),
    Column(
        "worst luma PSNR dB",
        of_attack(lambda d: d.luma_psnr),
        decibel,
        "likewise, of the luma alone",
        "higher",
    ),
    Column(
        "worst MS-SSIM", of_attack(lambda d: d.ms_ssim), similarity, "the lowest likewise", "higher"
    ),
    Column("worst VMAF", of_attack(lambda d: d.vmaf), percent, "the lowest likewise", "higher"),
    DROP,
    Column(
        "drop median dB",
        of_attack(lambda d: median(d.drop_db)),
        decibel,
        "the same, median over the pictures",
        "lower",
    ),
    Column(
        "drop most dB",
        of_attack(lambda d: most(d.drop_db)),
        decibel,
        "the same, the picture that lost most",
        "lower",
    ),
    Column(
        "drop %",
        of_attack(lambda d: d.drop_percent),
        percent,
        "that in per cent of each picture's clean PSNR, mean",
        "lower",
    ),
    Column(
        "beyond noise dB",
        of_gain(lambda g: g.drop_db),
        decibel,
        "by how much worst PSNR is below noise PSNR: what an attack adds to mere noise, mean",
        "lower",
        terminal=True,
    ),
    BEYOND,
    RATE,
    Column(
        "rate median",
        of_attack(lambda d: median(d.bpp_factor)),
        factor,
        "the same, median over the pictures",
        "lower",
    ),
    Column(
        "rate most",
        of_attack(lambda d: most(d.bpp_factor)),
        factor,
        "the same, the picture that grew most",
        "lower",
    ),
    Column(
        "rate beyond noise",
        of_gain(lambda g: g.bpp_factor),
        factor,
        "rate by noise rate, picture by picture, geometric mean",
        "lower",
        terminal=True,
    ),
    Column(
        "rate beyond lossless",
        of_lossless(lambda g: g.bpp_factor),
        factor,
        "rate by what the same attacked pictures cost the lossless reference, picture by picture,"
        " geometric mean",
        "lower",
    ),
    COST,
    Column(
        "R-D cost median",
        of_attack(lambda d: median(d.rd_factor)),
        factor,
        "the same, median over the pictures",
        "lower",
    ),
    Column(
        "R-D cost most",
        of_attack(lambda d: most(d.rd_factor)),
        factor,
        "the same, the picture that suffered most",
        "lower",
    ),
    Column(
        "R-D cost beyond noise",
        of_gain(lambda g: g.rd_factor),
        factor,
        "R-D cost by noise R-D cost, likewise",
        "lower",
    ),
)
"""What the attacks did to it."""


def of_gauge(gauge: MetricColumn) -> tuple[AnyColumn, ...]:
    """Return the columns of a metric that a suite names."""
    unit = f" {gauge.unit}" if gauge.unit else ""
    worst = "lowest" if gauge.better == "higher" else "highest"
    return (
        Column(
            f"{gauge.label} clean{unit}",
            of_clean(lambda c: c.extra.get(gauge)),
            figure,
            "the suite's own metric, of the decoded unattacked pictures against the source"
            " pictures, mean",
            gauge.better,
        ),
        Column(
            f"{gauge.label} worst{unit}",
            of_attack(lambda d: d.extra.get(gauge)),
            figure,
            "likewise, of the decoded attacked pictures against the source pictures; the"
            f" {worst} of all attacks for each picture, then the mean",
            gauge.better,
        ),
    )


NOISE: tuple[AnyColumn, ...] = (
    Column(
        "noise PSNR dB",
        of_noise(lambda d: d.psnr),
        decibel,
        "as worst PSNR, of the worst noise for each picture",
        "higher",
    ),
    Column("noise rate", of_noise(lambda d: d.bpp_factor), factor, "as rate, of noise", "lower"),
    Column(
        "noise R-D cost", of_noise(lambda d: d.rd_factor), factor, "as R-D cost, of noise", "lower"
    ),
    Column(
        "change PSNR dB",
        of_attack(lambda d: d.psnr_perturbation),
        decibel,
        "of the attacked picture itself, not coded, against the source picture, where worst PSNR"
        " was found, mean: how small the change was",
    ),
    Column(
        "VI dB",
        of_attack(lambda d: d.vi),
        decibel,
        "vulnerability index 10 log10(MSE(C(x), C(x')) / MSE(x, x')) where worst PSNR was found,"
        " mean: above 0 the codec C amplifies the change from picture x to x'",
        "lower",
    ),
    Column(
        "unexplained %",
        of_attack(lambda d: 100 * d.unexplained),
        percent,
        "share of the pictures where, at worst PSNR, the error is larger than the codec's own and"
        " that of the change together: a codec that keeps the change faithfully has 0",
        "lower",
        terminal=True,
    ),
)
"""What noise did to it, and how the worst case came about."""


def _apart(kind: str) -> tuple[AnyColumn, ...]:
    """Return the columns of one kind of attack without gradients."""
    return (
        Column(
            f"{kind} drop dB",
            of_kind(kind, lambda d: d.drop_db),
            decibel,
            f"as drop, of {meaning(kind)} alone",
            "lower",
        ),
        Column(
            f"{kind} rate",
            of_kind(kind, lambda d: d.bpp_factor),
            factor,
            f"as rate, of {meaning(kind)} alone",
            "lower",
        ),
    )


APART: tuple[AnyColumn, ...] = tuple(
    column for kind in WITHOUT_GRADIENTS for column in _apart(kind)
)
"""What each kind of attack without gradients did alone."""
