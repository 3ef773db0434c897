"""Write docs/codecs.md or docs/codecs_newer.md, and its plot, from a finished run of its suite.

    python docs/scripts/codecs.py runs/codecs-kodak
    python docs/scripts/codecs.py runs/codecs-kodak-newer

`bench run` writes the same table for every suite that has VVC at its default preset and no attack
but noise. This script adds remarks that were written by hand.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from pages import DOCS, finished_run

from leaderboard.render.run_page.clean_rd_page import write_rates

NEWER = "codecs-kodak-newer"
REMARKS = """\
## Remarks

**What runs today** beside the codecs of the table: classes of learned models, with the result of
`bench check`, their surrogates and the seconds of a step, in [learned models](learned_models.md);
SVT-AV1 and MozJPEG in [newer anchors](codecs_newer.md).

By luma PSNR, VVC medium, VVC fast, AV1, HEVC, AVIF and JPEG are in the order known from the
literature. These results need an explanation:

- **Colour:** VVC and WebP subsample colour (4:2:0); all others keep it at full resolution. The loss
  is visible in PSNR and not in luma PSNR.
- **AVIF** is AV1 with 8 bits and a less thorough search (speed 6 instead of 4), in its own file
  format (see the column "flat").
- **JPEG 2000** is optimised for the squared error and meets the requested size. It is ahead of WebP
  by PSNR and behind it by MS-SSIM.
- **JPEG XL** is tuned for visual quality and has no PSNR setting. It is behind WebP by PSNR, and
  ahead of WebP and JPEG 2000 by MS-SSIM. Its curve ends at a higher rate than the others,
  because ffmpeg gives libjxl a distance of at most 15; libjxl itself ends at 25.
- **Learned codecs** are the small bundled models ([zoo.md](zoo.md)), one per rate. Where they have
  no BD-rate, their range of quality overlaps too little with that of VVC.
- **VTM** is not in the suite because it takes about 250 seconds per megapixel. VTM 23.13 encodes
  kodim24 at QP 32, 4:4:4, 10 bits, to 35,163 bytes at 33.19 dB, and ffmpeg decodes the same picture
  bit for bit (`python -m pytest -m "slow and vtm" tests/backends/external/test_vtm.py`, where
  BENCH_VTM names a build).

The run used two workers and shared its cores with other jobs for most of the time. Compare times
only with each other.

## Reproduce this page

    bench run suites/codecs-kodak.yaml -o runs/codecs-kodak --executor processes
    python docs/scripts/codecs.py runs/codecs-kodak"""

REMARKS_NEWER = """\
## Remarks

These are the first seven Kodak pictures; [codecs.md](codecs.md) has all 24 and more codecs. Compare
the rows of this page with each other. AV1 and JPEG stand on both pages, with BD-rates by PSNR that
differ by 0.5 and 4.6 percentage points.

- **SVT-AV1** codes 4:2:0 only, AV1 is libaom at 4:4:4. By luma PSNR SVT-AV1 is ahead, because
  libaom spends bits on colour that luma does not count. By PSNR and MS-SSIM it is behind. Its
  preset is 2.
- **MozJPEG** quantises with a trellis and writes progressive files. It needs fewer bits than JPEG
  in the mean, but as many at 34 dB, and by luma PSNR from 31 dB on. At quality 5 it takes 0.108
  instead of 0.193 bpp, and more than half of that difference is there for a grey picture too
  ("flat").
- **jpegli** is not in the harness. Of the packages on PyPI, pyjpegli 0.3.2 codes 4:2:0 only and
  ajpegli 1.0.0 codes 4:4:4 too; on kodim03 MozJPEG needed fewer bits than ajpegli at 31 dB and more
  at 37 dB. imagecodecs 2026.1.14 has neither in its wheels, and mozjpeg-lossless-optimization 1.3.2
  encodes no pixels. The wheels of pyvips-binary carry MozJPEG for Linux, macOS and Windows.
- **JPEG XL** ends at distance 15, where [codecs.md](codecs.md) has 0.241 bpp: ffmpeg gives libjxl
  no larger distance, and 15 also for its quality 0. libjxl itself ends at 25.
- **VVC slow and slower** are presets of `vvc` and work, but their times exclude them here. At QP 37
  kodim01 has 15,270 bytes and 27.50 dB with medium, 15,179 bytes and 27.57 dB with slow, in 2.6
  times the CPU time (`backends.external.ffmpeg.codecs.Vvc(qp=37, preset="slow").encode`).

## Reproduce this page

    pip install 'codec-robustness-bench[mozjpeg]'
    bench run suites/codecs-kodak-newer.yaml -o runs/codecs-kodak-newer
    python docs/scripts/codecs.py runs/codecs-kodak-newer"""


def main() -> None:
    """Read the run, write the page and its plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("-o", "--out", type=Path, metavar="FILE.md")
    args = parser.parse_args()
    run = finished_run(args.run)
    is_newer = run.manifest.suite["name"] == NEWER
    page = DOCS / ("codecs_newer.md" if is_newer else "codecs.md")
    write_rates(run, args.out or page, REMARKS_NEWER if is_newer else REMARKS)


if __name__ == "__main__":
    main()
