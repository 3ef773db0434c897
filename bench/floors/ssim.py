"""The SSIM budget: a lower bound on the SSIM between the adversarial picture and its source.

The bound (SSIM of Wang et al. 2004, doi.org/10.1109/TIP.2003.819861) allows large perturbations in
textured areas and small ones in flat areas. It also allows large perturbations that change
neighbouring values alike, such as smooth colour shifts. The harness enforces it on the 8-bit
picture with the SSIM that it reports (`bench.metrics.ssim.ssim`). The check of float pictures uses
the same formula for batches.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from bench.floors.floor import Floor, Pixels
from bench.metric import check_side
from bench.metrics.ssim import SSIM_SIDE, ssim

if TYPE_CHECKING:
    from torch import Tensor

_FLAT = 0.03**2
"""The constant C2 of SSIM: noise of this variance halves the similarity of a flat area."""

_BUSY = 5.0
"""The sample photographs (64x64 to 300x300, bounds from 0.8 to 0.98) need 1.2 to 5 times the MSE
of white noise that a flat picture needs for the same SSIM."""


@dataclass(frozen=True)
class Ssim(Floor):
    """The SSIM of source and adversarial picture is at least 1 - `radius`."""

    kind: ClassVar[str] = "ssim"
    unit: ClassVar[str] = "1 - SSIM"
    least_side: ClassVar[int] = SSIM_SIDE

    def size(self, images: Tensor, source: Tensor) -> Tensor:
        """Return 1 - SSIM of each picture, float64 (B,).

        Raises:
            Unsupported: the short side is below 11 pixels, the size of the SSIM window.
        """
        import pytorch_msssim  # noqa: PLC0415 - leaderboards know budgets without torch

        check_side("a budget in SSIM", self.least_side, source.shape[-2:])
        pair = images.double(), source.double()
        similarity: Tensor = pytorch_msssim.ssim(*pair, data_range=1.0, size_average=False)
        return 1 - similarity

    def loss(self, source: Pixels, picture: Pixels) -> float:
        return 1 - ssim(source, picture)

    def _noise(self) -> float:
        return _BUSY * _FLAT * self.radius / (1 - self.radius)
