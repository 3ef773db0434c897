"""GDN of frozen weights: what CompressAI's gives, and its gradient."""

import copy

import pytest
import torch
from compressai.layers import GDN
from compressai.models import Cheng2020Anchor, FactorizedPrior, FactorizedPriorReLU

from backends.gdn import FrozenGDN, with_frozen_gdn


def _layer(inverse, dtype=torch.float64):
    torch.manual_seed(0)
    layer = GDN(5, inverse=inverse)
    with torch.no_grad():
        layer.beta.uniform_(0.1, 2)
        layer.gamma.uniform_(0, 0.5)
    return layer.to(dtype).requires_grad_(False)


def _inputs(dtype=torch.float64, layout=torch.channels_last):
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(2, 5, 3, 7, generator=generator, dtype=dtype) * 3
    inputs[0, :, 0, 0] = 0
    return inputs.contiguous(memory_format=layout).requires_grad_()


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("inverse", [False, True])
def test_it_is_compressais_layer(inverse, layout):
    layer, inputs = _layer(inverse), _inputs(layout=layout)
    ours, theirs = FrozenGDN(layer)(inputs), layer(inputs)
    assert torch.allclose(ours, theirs, rtol=1e-12)
    weights = torch.randn(theirs.shape, dtype=theirs.dtype)
    (own,), (known,) = (torch.autograd.grad((y * weights).sum(), inputs) for y in (ours, theirs))
    assert torch.allclose(own, known, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("inverse", [False, True])
def test_its_gradient_is_that_of_its_values(inverse):
    assert torch.autograd.gradcheck(FrozenGDN(_layer(inverse)), _inputs())


@pytest.mark.parametrize("inverse", [False, True])
def test_it_computes_in_the_precision_of_its_inputs(inverse):
    layer, inputs = FrozenGDN(_layer(inverse, torch.float32)), _inputs(torch.float32)
    exact = layer(inputs)
    with torch.autocast("cpu", torch.bfloat16):
        half = layer(inputs.bfloat16())
    assert half.dtype == torch.bfloat16
    assert torch.allclose(half.float(), exact, rtol=0.03, atol=0.03)
    (gradient,) = torch.autograd.grad(half.sum(), inputs)
    (known,) = torch.autograd.grad(exact.sum(), inputs)
    assert torch.nn.functional.cosine_similarity(gradient.flatten(), known.flatten(), 0) > 0.999


@pytest.mark.parametrize("made", [lambda: FactorizedPrior(8, 12), lambda: Cheng2020Anchor(8)])
def test_every_gdn_of_a_net_is_replaced_and_the_net_is_not_touched(made):
    torch.manual_seed(0)
    net = made().eval().requires_grad_(False)
    before = copy.deepcopy(net.state_dict())
    frozen = with_frozen_gdn(net)
    images = torch.rand(1, 3, 64, 64)
    assert type(frozen) is type(net)
    assert not any(type(part) is GDN for part in frozen.modules())
    assert any(type(part) is GDN for part in net.modules())
    assert torch.allclose(frozen.g_a(images), net.g_a(images), rtol=1e-4, atol=1e-5)
    assert {name: value.tolist() for name, value in net.state_dict().items()} == {
        name: value.tolist() for name, value in before.items()
    }
    assert set(map(id, frozen.parameters())) < set(map(id, net.parameters()))


def test_a_net_without_gdn_is_itself():
    net = FactorizedPriorReLU(8, 12)
    assert with_frozen_gdn(net) is net
