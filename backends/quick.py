"""A net whose weights are final, with the layers that are quicker so in the place of its own."""

from __future__ import annotations

from typing import cast

from compressai.layers import GDN
from compressai.models import CompressionModel
from torch import nn

from backends.cast import CastOnce, is_convolution
from backends.gdn import FrozenGDN
from backends.nets import view
from backends.outermost import Outermost, is_outermost
from backends.unrounded import Unrounded, sees_pictures


def quick(net: CompressionModel) -> CompressionModel:
    """Return a view of a net that shares all but some layers, which give the same.

    To be used for gradients with regard to pictures; what codes bitstreams stays as it is, to the
    bit. The net itself stays as it is.
    """
    return cast("CompressionModel", _quick(net))


def _quick(part: nn.Module) -> nn.Module:
    if type(part) is GDN:
        return FrozenGDN(part)
    if is_outermost(part):
        return Outermost(cast("nn.Conv2d | nn.ConvTranspose2d", part))
    if sees_pictures(part):
        return Unrounded(cast("nn.Conv2d", part))
    if is_convolution(part):
        return CastOnce(part)
    seen = {name: _quick(child) for name, child in part.named_children()}
    changed = {name: child for name, child in seen.items() if child is not part._modules[name]}
    return view(part, **changed) if changed else part
