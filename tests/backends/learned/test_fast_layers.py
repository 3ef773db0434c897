"""Layers with frozen weights, and networks of them, have the outputs of CompressAI's layers."""

import copy

import pytest
import torch
from compressai.layers import GDN
from compressai.models import Cheng2020Anchor, FactorizedPrior, FactorizedPriorReLU
from torch import nn

from backends.learned.frozen.outer_convolutions import OuterConvolution, is_outer_convolution
from backends.learned.frozen.replace import with_fast_layers

LAYERS = {
    "down": lambda bias=True: nn.Conv2d(3, 7, 5, 2, 2, bias=bias),
    "up": lambda bias=True: nn.ConvTranspose2d(7, 3, 5, 2, 2, output_padding=1, bias=bias),
}
OTHERS = {
    "many channels": nn.Conv2d(8, 8, 5, 2, 2),
    "stride 1": nn.Conv2d(3, 8, 5, 1, 2),
    "3x3": nn.Conv2d(3, 8, 3, 2, 1),
    "odd sides": nn.ConvTranspose2d(8, 3, 5, 2, 2),
    "no convolution": nn.Linear(3, 8),
}


def _layer(name, **options):
    torch.manual_seed(0)
    return LAYERS[name](**options).double().requires_grad_(False)


def _inputs(layer, height=6, width=10):
    generator = torch.Generator().manual_seed(1)
    shape = (2, layer.in_channels, height, width)
    return torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("size", [(2, 2), (6, 10)])
@pytest.mark.parametrize("name", LAYERS)
def test_an_outermost_layer_gives_what_it_replaces(name, size, bias):
    layer = _layer(name, bias=bias)
    inputs = _inputs(layer, *size)
    ours, theirs = OuterConvolution(layer)(inputs), layer(inputs)
    assert torch.allclose(ours, theirs, rtol=1e-12, atol=1e-12)
    (own,), (known,) = (torch.autograd.grad(y.pow(3).sum(), inputs) for y in (ours, theirs))
    assert torch.allclose(own, known, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", LAYERS)
def test_its_gradient_is_that_of_its_values(name):
    layer = _layer(name)
    assert torch.autograd.gradcheck(OuterConvolution(layer), _inputs(layer, 4, 6))


@pytest.mark.parametrize("name", LAYERS)
def test_it_follows_the_precision_of_convolutions(name):
    layer = _layer(name).float()
    inputs = _inputs(layer).detach().float().requires_grad_()
    exact = layer(inputs)
    with torch.autocast("cpu", torch.bfloat16):
        half = OuterConvolution(layer)(inputs)
    assert half.dtype == torch.bfloat16
    assert torch.allclose(half.float(), exact, rtol=0.03, atol=0.03)
    (gradient,) = torch.autograd.grad(half.float().pow(2).sum(), inputs)
    (known,) = torch.autograd.grad(exact.pow(2).sum(), inputs)
    assert gradient.dtype == torch.float32
    assert torch.nn.functional.cosine_similarity(gradient.flatten(), known.flatten(), 0) > 0.999


@pytest.mark.parametrize("name", OTHERS)
def test_no_other_layer_is_replaced(name):
    assert not is_outer_convolution(OTHERS[name])


@pytest.mark.parametrize(
    ("made", "kinds"),
    [
        (lambda: FactorizedPrior(8, 12), (GDN, OuterConvolution)),
        (lambda: Cheng2020Anchor(8), (GDN,)),
    ],
    ids=["factorized", "cheng2020"],
)
def test_a_quick_net_gives_what_the_net_gives_and_leaves_it_alone(made, kinds):
    torch.manual_seed(0)
    net = made().eval().requires_grad_(False)
    before = copy.deepcopy(net.state_dict())
    quicker = with_fast_layers(net)
    images = torch.rand(1, 3, 64, 64)
    assert type(quicker) is type(net)
    assert not any(type(part) is GDN for part in quicker.modules())
    assert any(isinstance(part, OuterConvolution) for part in quicker.modules()) == (
        OuterConvolution in kinds
    )
    assert set(map(id, quicker.parameters())) < set(map(id, net.parameters()))
    latents = net.g_a(images)
    assert torch.allclose(quicker.g_a(images), latents, rtol=1e-4, atol=1e-5)
    assert torch.allclose(quicker.g_s(latents), net.g_s(latents), rtol=1e-4, atol=1e-5)
    assert any(type(part) is GDN for part in net.modules())
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_what_has_no_such_layer_is_itself():
    net = nn.Sequential(nn.Linear(8, 8), nn.ReLU())
    assert with_fast_layers(net) is net
    assert any(
        isinstance(part, OuterConvolution)
        for part in with_fast_layers(FactorizedPriorReLU(8, 12)).modules()
    )
