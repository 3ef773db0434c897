from __future__ import annotations

import pytest
import torch

from bench.errors import ConfigError
from bench.models.architectures import fresh
from bench.models.warm_start import inherit
from bench.tensors import to_tensor

ARCHITECTURES = ["bmshj2018-factorized", "bmshj2018-hyperprior", "mbt2018-mean", "mbt2018"]


@pytest.fixture
def images(photograph):
    return to_tensor(photograph("chelsea", 64, 128))


def _decoded(net, images):
    """What the transforms alone make of pictures, nothing rounded."""
    with torch.no_grad():
        return net.g_s(net.g_a(images))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("widths", [(8, 20), (16, 20)])
def test_the_transforms_of_a_wider_net_are_its_parents(
    architecture, widths, small_checkpoint, small_net, images
):
    net = fresh(architecture, widths)
    before = _decoded(net, images)
    inherit(net, architecture, small_checkpoint(architecture))
    expected = _decoded(small_net(architecture), images)
    assert torch.allclose(_decoded(net, images), expected, atol=1e-5)
    assert not torch.allclose(before, expected, atol=1e-2)


def test_the_same_net_takes_everything(small_checkpoint, small_net):
    net, parent = fresh("mbt2018-mean", (8, 12)), small_net("mbt2018-mean")
    inherit(net, "mbt2018-mean", small_checkpoint("mbt2018-mean"))
    found = dict(parent.named_parameters())
    assert all(torch.equal(weight, found[name]) for name, weight in net.named_parameters())


def test_new_channels_are_heard_after_a_step(small_checkpoint, images):
    net = fresh("bmshj2018-factorized", (8, 20))
    inherit(net, "bmshj2018-factorized", small_checkpoint("bmshj2018-factorized"))
    net(images)["x_hat"].square().sum().backward()
    assert net.g_s[0].weight.grad[12:].any()


@pytest.mark.parametrize("widths", [(8, 8), (4, 12)])
def test_a_wider_parent_is_refused(widths, small_checkpoint):
    net = fresh("bmshj2018-factorized", widths)
    with pytest.raises(ConfigError, match=r"\(bmshj2018-factorized\) has other .*, or is wider"):
        inherit(net, "bmshj2018-factorized", small_checkpoint("bmshj2018-factorized"))


def test_a_wider_denoiser_begins_as_its_parent(tmp_path, images):
    parent = fresh("denoiser", (4,))
    with torch.no_grad():
        for weight in parent.parameters():
            weight.normal_(0, 0.05)
    path = tmp_path / "parent.pth.tar"
    torch.save(parent.state_dict(), path)
    net = fresh("denoiser", (8,))
    inherit(net, "denoiser", path)
    with torch.no_grad():
        assert torch.allclose(net(images)["x_hat"], parent(images)["x_hat"], atol=1e-5)
        assert not torch.allclose(parent(images)["x_hat"], images, atol=1e-2)


def test_a_codec_is_no_parent_of_a_denoiser(small_checkpoint):
    with pytest.raises(ConfigError, match="holds the weights of another architecture"):
        inherit(fresh("denoiser", (8,)), "denoiser", small_checkpoint("bmshj2018-factorized"))
