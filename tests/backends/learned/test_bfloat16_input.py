"""Details of a picture that bfloat16 would round away reach the network."""

import pytest
import torch
from compressai.models import Cheng2020Anchor, FactorizedPrior
from torch import nn

from backends.learned.frozen.bfloat16_input import UnroundedConvolution, takes_pictures
from backends.learned.frozen.outer_convolutions import OuterConvolution
from backends.learned.frozen.replace import with_fast_layers

LAYERS = {
    "5x5": (OuterConvolution, lambda: nn.Conv2d(3, 16, 5, 2, 2)),
    "3x3": (UnroundedConvolution, lambda: nn.Conv2d(3, 16, 3, 2, 1)),
    "skip": (UnroundedConvolution, lambda: nn.Conv2d(3, 16, 1, 2)),
}
OTHERS = {
    "many channels": nn.Conv2d(8, 8, 3, 2, 1),
    "groups": nn.Conv2d(3, 3, 3, 1, 1, groups=3),
    "reflected": nn.Conv2d(3, 8, 3, 1, 1, padding_mode="reflect"),
    "more padding": nn.Conv2d(3, 8, 3, padding=2),
    "no middle": nn.Conv2d(3, 8, 2, 2),
    "padding by name": nn.Conv2d(3, 8, 3, padding="same"),
    "no convolution": nn.Linear(3, 8),
}


@pytest.fixture(params=LAYERS)
def pair(request):
    """Return a layer and its replacement."""
    torch.manual_seed(0)
    kind, made = LAYERS[request.param]
    layer = made().requires_grad_(False)
    return layer, kind(layer)


@pytest.fixture
def pictures():
    """Return pictures so bright that bfloat16 numbers are one level apart."""
    generator = torch.Generator().manual_seed(1)
    return (1 + torch.rand(2, 3, 32, 48, generator=generator)) / 2


def test_in_bfloat16_a_layer_is_rounded_once_at_its_end(pair, pictures):
    layer, ours = pair
    exact = layer(pictures)
    with torch.autocast("cpu", torch.bfloat16):
        coarse, theirs = ours(pictures), layer(pictures)
    assert coarse.dtype == theirs.dtype == torch.bfloat16
    once, twice, best = (
        (values.float() - exact).abs().mean() for values in (coarse, theirs, exact.bfloat16())
    )
    assert once < 1.02 * best
    assert twice > 1.3 * best


def test_a_change_that_bfloat16_cannot_tell_is_seen(pair, pictures):
    layer, ours = pair
    coarse = pictures.bfloat16().float()
    change = (
        0.2 / 255 * torch.randn(coarse.shape, generator=torch.Generator().manual_seed(2)).sign()
    )
    changed = coarse + change
    assert (changed.bfloat16().float() == coarse).float().mean() > 0.9
    true = layer(changed) - layer(coarse)
    with torch.autocast("cpu", torch.bfloat16):
        seen, unseen = (each(changed).float() - each(coarse).float() for each in (ours, layer))
    found, missed = (
        torch.cosine_similarity(d.flatten(), true.flatten(), 0) for d in (seen, unseen)
    )
    assert found > missed + 0.3


def test_gradients_are_those_of_the_layer_in_bfloat16(pair, pictures):
    layer, ours = pair
    pictures.requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        wanted = torch.randn_like(layer(pictures)).float()
        found, known = (
            torch.autograd.grad((each(pictures).float() * wanted).sum(), pictures)[0]
            for each in (ours, layer)
        )
    assert found.dtype == torch.float32
    assert torch.allclose(found, known, rtol=0.02, atol=0.02 * known.abs().max().item())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_without_autocast_it_is_the_layer(dtype, pictures):
    layer = nn.Conv2d(3, 8, 3, 2, 2, dilation=2, bias=False).to(dtype).requires_grad_(False)
    assert torch.equal(UnroundedConvolution(layer)(pictures.to(dtype)), layer(pictures.to(dtype)))


@pytest.mark.parametrize("name", OTHERS)
def test_no_other_layer_is_replaced(name):
    assert not takes_pictures(OTHERS[name])


@pytest.mark.parametrize("made", [lambda: FactorizedPrior(8, 12), lambda: Cheng2020Anchor(8)])
def test_no_layer_of_a_quick_net_rounds_pictures(made):
    net = with_fast_layers(made().eval().requires_grad_(False))
    wrapped = {id(part._layer) for part in net.modules() if isinstance(part, UnroundedConvolution)}
    plain = [part for part in net.modules() if takes_pictures(part) and id(part) not in wrapped]
    assert not plain
