"""Write docs/codecs.md and its plot from a finished run of suites/codecs-kodak.yaml.

    python docs/scripts/codecs.py runs/codecs-kodak

`bench run` writes the same table for every suite that has VVC at its default preset and no attack
but noise. This script adds remarks that were written by hand.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from pages import DOCS, finished_run

from leaderboard.render.clean_rd_page import write_rates

PAGE = DOCS / "codecs.md"
REMARKS = """\
## Remarks

By luma PSNR, VVC medium, VVC fast, AV1, HEVC, AVIF and JPEG are in the order known from the
literature. These results need an explanation:

- **Colour:** VVC and WebP subsample colour (4:2:0); all others keep it at full resolution. The loss
  is visible in PSNR and not in luma PSNR.
- **AVIF** is AV1 with 8 bits and a less thorough search (speed 6 instead of 4), in its own file
  format (see the column "flat").
- **JPEG 2000** is optimised for the squared error and meets the requested size. It is ahead of WebP
  by PSNR and behind it by MS-SSIM.
- **JPEG XL** is tuned for visual quality and has no PSNR setting. It is behind WebP by PSNR, and
  ahead of WebP and JPEG 2000 by MS-SSIM. Its largest distance is 15, so its curve ends at a higher
  rate than the others.
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


def main() -> None:
    """Read the run, write the page and its plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("-o", "--out", type=Path, default=PAGE, metavar="FILE.md")
    args = parser.parse_args()
    write_rates(finished_run(args.run), args.out, REMARKS)


if __name__ == "__main__":
    main()
