"""The columns of figures: clean scores, worst cases, noise and single threats."""

from __future__ import annotations

from leaderboard.aggregate.extra_metrics import MetricColumn
from leaderboard.aggregate.rows import Row
from leaderboard.aggregate.threats import WITHOUT_GRADIENTS
from leaderboard.columns.column import (
    Column,
    largest,
    median,
    of_attack,
    of_clean,
    of_gain,
    of_lossless,
    of_noise,
    of_threat,
)
from leaderboard.columns.terms import threat_meaning
from leaderboard.formatting import (
    column_key,
    decibel,
    factor,
    figure,
    percent,
    rate,
    similarity,
)

DROP: Column[Row] = Column(
    "drop_db",
    "PSNR drop dB",
    of_attack(lambda worst: worst.drop_db),
    decibel,
    "clean PSNR less worst PSNR, mean; none for a lossless codec",
    "lower",
    is_main=True,
)
EXCESS: Column[Row] = Column(
    "beyond_change_db",
    "excess over lossless dB",
    of_attack(lambda worst: worst.beyond_change),
    decibel,
    "by how many dB worst PSNR is below the PSNR of the codec's own error plus the perturbation,"
    " mean; 0 for the lossless reference, which preserves the perturbation; below 0 the codec"
    " removes part of the perturbation",
    "lower",
)
RATE: Column[Row] = Column(
    "rate",
    "rate increase",
    of_attack(lambda worst: worst.bpp_factor),
    factor,
    "rate under attack as a multiple of the clean rate; the largest over all attacks for each"
    " picture, then the geometric mean",
    "lower",
    is_main=True,
)
COST: Column[Row] = Column(
    "r_d_cost",
    "R-D cost increase",
    of_attack(lambda worst: worst.rd_factor),
    factor,
    "R-D cost under attack as a multiple of the clean R-D cost; the largest over all attacks for"
    " each picture, then the geometric mean",
    "lower",
    is_main=True,
)

CLEAN: tuple[Column[Row], ...] = (
    Column(
        "clean_bpp",
        "clean bpp",
        of_clean(lambda clean: clean.bpp),
        rate,
        "bits per pixel of the source pictures; every byte of the bitstream counts; mean",
        "lower",
        is_main=True,
    ),
    Column(
        "clean_psnr_db",
        "clean PSNR dB",
        of_clean(lambda clean: clean.psnr),
        decibel,
        "PSNR of the clean reconstructions against the source pictures, mean",
        "higher",
        is_main=True,
    ),
    Column(
        "clean_luma_psnr_db",
        "clean luma PSNR dB",
        of_clean(lambda clean: clean.luma_psnr),
        decibel,
        "clean PSNR of the luma (BT.709), mean; not affected by chroma subsampling",
        "higher",
    ),
    Column(
        "clean_ms_ssim",
        "clean MS-SSIM",
        of_clean(lambda clean: clean.ms_ssim),
        similarity,
        "clean multi-scale structural similarity, for pictures above 160 pixels, mean",
        "higher",
    ),
    Column(
        "clean_vmaf",
        "clean VMAF",
        of_clean(lambda clean: clean.vmaf),
        percent,
        "clean VMAF of the luma, 0 to 100, about 97 for an identical picture; where the suite asks"
        " for it; mean",
        "higher",
    ),
    Column(
        "encoding_s_mp",
        "encoding s/MP",
        of_clean(lambda clean: clean.encoding),
        rate,
        "seconds per megapixel to encode the source pictures on the machine named below, mean",
        "lower",
    ),
    Column(
        "decoding_s_mp",
        "decoding s/MP",
        of_clean(lambda clean: clean.decoding),
        rate,
        "seconds per megapixel to decode the source pictures on the machine named below, mean",
        "lower",
    ),
    Column(
        "encoding_mb",
        "encoding MB",
        of_clean(lambda clean: clean.encoding_memory),
        percent,
        "peak memory of encoding a source picture in megabytes, in addition to what the codec"
        " keeps loaded; for external programs all of their memory; mean",
        "lower",
    ),
    Column(
        "decoding_mb",
        "decoding MB",
        of_clean(lambda clean: clean.decoding_memory),
        percent,
        "peak memory of decoding in megabytes, counted in the same way, mean",
        "lower",
    ),
)
"""Clean scores."""

WORST: tuple[Column[Row], ...] = (
    Column(
        "worst_psnr_db",
        "worst PSNR dB",
        of_attack(lambda worst: worst.psnr),
        decibel,
        "PSNR of the reconstructions under attack against the source pictures; the lowest over all"
        " attacks for each picture, then the mean",
        "higher",
        is_main=True,
    ),
    Column(
        "worst_luma_psnr_db",
        "worst luma PSNR dB",
        of_attack(lambda worst: worst.luma_psnr),
        decibel,
        "lowest PSNR of the luma, in the same way",
        "higher",
    ),
    Column(
        "worst_ms_ssim",
        "worst MS-SSIM",
        of_attack(lambda worst: worst.ms_ssim),
        similarity,
        "lowest MS-SSIM, in the same way",
        "higher",
    ),
    Column(
        "worst_vmaf",
        "worst VMAF",
        of_attack(lambda worst: worst.vmaf),
        percent,
        "lowest VMAF, in the same way",
        "higher",
    ),
    DROP,
    Column(
        "drop_median_db",
        "median PSNR drop dB",
        of_attack(lambda worst: median(worst.drop_db)),
        decibel,
        "median of the PSNR drop over the pictures",
        "lower",
    ),
    Column(
        "drop_most_db",
        "largest PSNR drop dB",
        of_attack(lambda worst: largest(worst.drop_db)),
        decibel,
        "largest PSNR drop of all pictures",
        "lower",
    ),
    Column(
        "drop_percent",
        "PSNR drop %",
        of_attack(lambda worst: worst.drop_percent),
        percent,
        "PSNR drop in per cent of each picture's clean PSNR, mean",
        "lower",
    ),
    Column(
        "beyond_noise_db",
        "excess over noise dB",
        of_gain(lambda gain: gain.drop_db),
        decibel,
        "by how many dB worst PSNR is below noise PSNR: the effect of an attack beyond that of"
        " random noise at the same budget, mean",
        "lower",
        is_main=True,
    ),
    EXCESS,
    RATE,
    Column(
        "rate_median",
        "median rate increase",
        of_attack(lambda worst: median(worst.bpp_factor)),
        factor,
        "median of the rate increase over the pictures",
        "lower",
    ),
    Column(
        "rate_most",
        "largest rate increase",
        of_attack(lambda worst: largest(worst.bpp_factor)),
        factor,
        "largest rate increase of all pictures",
        "lower",
    ),
    Column(
        "rate_beyond_noise",
        "rate excess over noise",
        of_gain(lambda gain: gain.bpp_factor),
        factor,
        "rate increase divided by noise rate increase for each picture, geometric mean",
        "lower",
        is_main=True,
    ),
    Column(
        "rate_beyond_lossless",
        "rate excess over lossless",
        of_lossless(lambda gain: gain.bpp_factor),
        factor,
        "rate increase divided by that of the lossless reference on the same adversarial pictures,"
        " geometric mean",
        "lower",
    ),
    COST,
    Column(
        "r_d_cost_median",
        "median R-D cost increase",
        of_attack(lambda worst: median(worst.rd_factor)),
        factor,
        "median of the R-D cost increase over the pictures",
        "lower",
    ),
    Column(
        "r_d_cost_most",
        "largest R-D cost increase",
        of_attack(lambda worst: largest(worst.rd_factor)),
        factor,
        "largest R-D cost increase of all pictures",
        "lower",
    ),
    Column(
        "r_d_cost_beyond_noise",
        "R-D cost excess over noise",
        of_gain(lambda gain: gain.rd_factor),
        factor,
        "R-D cost increase divided by noise R-D cost increase for each picture, geometric mean",
        "lower",
    ),
)
"""Worst cases over all attacks."""


def of_metric(metric: MetricColumn) -> tuple[Column[Row], ...]:
    """Return the columns of a metric that a suite names."""
    unit = f" {metric.unit}" if metric.unit else ""
    extreme = "lowest" if metric.better == "higher" else "highest"
    clean, worst = (f"{metric.label} {which}{unit}" for which in ("clean", "worst"))
    return (
        Column(
            column_key(clean),
            clean,
            of_clean(lambda scores: scores.extra.get(metric)),
            figure,
            "a metric that the suite names: clean reconstructions against the source pictures,"
            " mean",
            metric.better,
        ),
        Column(
            column_key(worst),
            worst,
            of_attack(lambda scores: scores.extra.get(metric)),
            figure,
            "a metric that the suite names: reconstructions under attack against the source"
            f" pictures; the {extreme} over all attacks for each picture, then the mean",
            metric.better,
        ),
    )


NOISE: tuple[Column[Row], ...] = (
    Column(
        "noise_psnr_db",
        "noise PSNR dB",
        of_noise(lambda noise: noise.psnr),
        decibel,
        "lowest PSNR over all kinds of noise for each picture, then the mean",
        "higher",
    ),
    Column(
        "noise_rate",
        "noise rate increase",
        of_noise(lambda noise: noise.bpp_factor),
        factor,
        "rate increase by noise",
        "lower",
    ),
    Column(
        "noise_r_d_cost",
        "noise R-D cost increase",
        of_noise(lambda noise: noise.rd_factor),
        factor,
        "R-D cost increase by noise",
        "lower",
    ),
    Column(
        "change_psnr_db",
        "perturbation PSNR dB",
        of_attack(lambda worst: worst.psnr_perturbation),
        decibel,
        "PSNR of the adversarial picture itself, not coded, against the source picture, where worst"
        " PSNR was found, mean: the higher, the smaller the perturbation",
    ),
    Column(
        "vi_db",
        "VI dB",
        of_attack(lambda worst: worst.vi),
        decibel,
        "vulnerability index 10 log10(MSE(C(x), C(x')) / MSE(x, x')) where worst PSNR was found,"
        " mean: above 0 the codec C amplifies the perturbation from picture x to x'",
        "lower",
    ),
    Column(
        "unexplained_percent",
        "error amplified %",
        of_attack(lambda worst: 100 * worst.unexplained),
        percent,
        "share of pictures with amplified error: at worst PSNR the error exceeds the codec's own"
        " error plus the perturbation; 0 for a codec that preserves the perturbation",
        "lower",
        is_main=True,
    ),
)
"""Scores under noise, and how the perturbation relates to the worst case."""


def _of_threat(threat: str) -> tuple[Column[Row], ...]:
    """Return the columns of one threat without gradients."""
    return (
        Column(
            column_key(f"{threat} drop dB"),
            f"{threat} PSNR drop dB",
            of_threat(threat, lambda worst: worst.drop_db),
            decibel,
            f"PSNR drop under these attacks only: {threat_meaning(threat)}",
            "lower",
        ),
        Column(
            column_key(f"{threat} rate"),
            f"{threat} rate increase",
            of_threat(threat, lambda worst: worst.bpp_factor),
            factor,
            f"rate increase under these attacks only: {threat_meaning(threat)}",
            "lower",
        ),
    )


BY_THREAT: tuple[Column[Row], ...] = tuple(
    column for threat in WITHOUT_GRADIENTS for column in _of_threat(threat)
)
"""The effect of each threat without gradients alone."""
