"""GDN with frozen weights has CompressAI's outputs and gradients."""

import pytest
import torch
from compressai.layers import GDN

from backends.learned.frozen.gdn import FrozenGDN


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
def test_blocks_make_no_difference(inverse, monkeypatch):
    layer, inputs = FrozenGDN(_layer(inverse)), _inputs()
    whole = layer(inputs)
    monkeypatch.setattr("backends.learned.frozen.gdn._BLOCK", 40)
    parts = layer(inputs)
    assert torch.allclose(parts, whole, rtol=1e-14)
    (one,), (many,) = (torch.autograd.grad(y.pow(3).sum(), inputs) for y in (whole, parts))
    assert torch.allclose(one, many, rtol=1e-12)


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


def test_what_is_added_in_place_keeps_gradients_channels_last():
    inputs, added = _inputs(), _inputs()
    layouts = []
    added.register_hook(
        lambda g: layouts.append(g.is_contiguous(memory_format=torch.channels_last))
    )
    out = FrozenGDN(_layer(inverse=False))(inputs)
    out += added
    out.pow(3).sum().backward()
    assert layouts == [True]
