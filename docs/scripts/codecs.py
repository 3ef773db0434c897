"""Write docs/codecs.md and its plot from a finished run of suites/codecs-kodak.yaml.

    python docs/scripts/codecs.py runs/codecs-kodak

The table is what `bench run` writes for a suite with VVC at its default preset that attacks nothing
but by noise; the remarks are ours.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.store.run_folder import read_run
from leaderboard.render.clean_rd_page import write_rates

PAGE = Path(__file__).parents[1] / "codecs.md"
REMARKS = """\
The table is that of the run; `python docs/scripts/codecs.py runs/codecs-kodak` put these remarks
before it. Two workers and, for much of the run, other jobs shared the cores: compare times only
with each other.

VVC and WebP keep colour at half the size (4:2:0), all others at full size; what that costs shows in
PSNR, and the luma PSNR leaves it out. By luma PSNR, VVC medium, VVC fast, AV1, HEVC, AVIF and JPEG
stand as the field knows them. What looks out of order:

- **AVIF** is AV1 with 8 bits and less of a search (speed 6 for 4), in a file of its own (flat).
- **JPEG 2000** is optimised for the squared error and comes out at the size asked for: before WebP
  by PSNR, behind it by MS-SSIM.
- **JPEG XL** is tuned for the eye and has no setting for PSNR: behind WebP by PSNR, before WebP and
  JPEG 2000 by MS-SSIM. Its largest distance is 15, so its curve ends where the others go on.
- **Learned codecs** are the small bundled models (zoo.md), one a rate. Where there is no BD-rate,
  too little of the range is shared with VVC's curve.
- **VTM** is not in the suite: it takes some 250 s a megapixel. VTM 23.13 codes kodim24 at QP 32,
  4:4:4, 10 bits, to 35,163 bytes at 33.19 dB, and ffmpeg decodes the same picture, bit for bit
  (`python -m pytest -m "slow and vtm" tests/backends/external/test_vtm.py`, BENCH_VTM naming a
  build).
"""


def main() -> None:
    """Read the run, write the page and its plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("-o", "--out", type=Path, default=PAGE, metavar="FILE.md")
    given = parser.parse_args()
    write_rates(read_run(given.run), given.out, REMARKS.rstrip())


if __name__ == "__main__":
    main()
