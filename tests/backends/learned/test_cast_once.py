"""Convolution weights are cast to bfloat16 once; outputs stay the same."""

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from backends.learned.frozen.replace import CastOnce, is_convolution

LAYERS = {
    "convolution": lambda bias: nn.Conv2d(8, 6, 3, 2, 1, bias=bias),
    "transposed": lambda bias: nn.ConvTranspose2d(8, 6, 5, 2, 2, output_padding=1, bias=bias),
}


class Casts(TorchDispatchMode):
    """Records the shapes of all cast tensors."""

    def __init__(self):
        super().__init__()
        self.shapes = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func is torch.ops.aten._to_copy.default:
            self.shapes.append(tuple(args[0].shape))
        return func(*args, **(kwargs or {}))


@pytest.fixture(params=LAYERS)
def kind(request):
    return LAYERS[request.param]


@pytest.fixture
def inputs():
    return torch.randn(2, 8, 6, 10, generator=torch.Generator().manual_seed(0)).requires_grad_()


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("is_coarse", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_it_gives_what_the_layer_gives(kind, bias, is_coarse, dtype, inputs):
    layer = kind(bias).requires_grad_(False).to(torch.float32 if is_coarse else dtype)
    seen = []
    for each in (layer, CastOnce(layer)):
        with torch.autocast("cpu", torch.bfloat16, enabled=is_coarse):
            out = each(inputs.to(dtype))
        seen.append((out, *torch.autograd.grad(out.float().pow(2).sum(), inputs)))
    (out, gradient), (ours, own) = seen
    assert ours.dtype == out.dtype == (torch.bfloat16 if is_coarse else dtype)
    assert torch.equal(ours, out)
    assert torch.equal(own, gradient)


def test_weights_are_cast_once(kind, inputs):
    layer = kind(True).requires_grad_(False)
    ours = CastOnce(layer)
    counted = {each: Casts() for each in (layer, ours)}
    for each, casts in counted.items():
        with torch.autocast("cpu", torch.bfloat16):
            each(inputs.detach())
            with casts:
                each(inputs.detach())
    shape = tuple(layer.weight.shape)
    assert shape in counted[layer].shapes
    assert counted[ours].shapes == [tuple(inputs.shape)]


def test_the_layer_stays_as_it_is(kind, inputs):
    layer = kind(True).requires_grad_(False)
    ours = CastOnce(layer)
    with torch.autocast("cpu", torch.bfloat16):
        ours(inputs)
    assert {values.dtype for values in layer.parameters()} == {torch.float32}
    assert list(map(id, ours.parameters())) == list(map(id, layer.parameters()))
    assert torch.equal(ours(inputs), layer(inputs))


def test_other_kinds_of_convolutions_are_left_alone():
    class Masked(nn.Conv2d):
        pass

    assert not is_convolution(Masked(3, 8, 5))
    assert not is_convolution(nn.Conv1d(3, 8, 5))
