"""What several test files need: small nets that behave like trained ones, photographs, weights."""

from __future__ import annotations

import json
import os
import signal
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from compressai.latent_codecs import CheckerboardLatentCodec
from compressai.layers import AttentionBlock
from compressai.zoo.image_vbr import model_architectures as variable_rate
from matplotlib.layout_engine import ConstrainedLayoutEngine
from PIL import Image as Pictures
from safetensors.torch import save_file
from skimage import data
from torch import nn

from bench.engine import timing
from bench.errors import CodecError
from bench.images.image_set import Crop, ImageSpec, load
from bench.models.architectures import fresh
from bench.registry import plugins, registry
from bench.registry import trusted as consent
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import instantiate
from bench.tensors import to_tensor
from paths import SHARED

signal.signal(signal.SIGINT, signal.default_int_handler)
"""Where tests are started in the background, shells have it ignored, and children inherit that."""

PUBLISHED = SHARED / "weights/bmshj2018-factorized-mse-q2.pth.tar"
_LAYOUT = ConstrainedLayoutEngine.execute
COMPRESSAI_NAMES = {"bmshj2018-factorized-relu": "bmshj2018_factorized_relu"}


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)


@pytest.fixture(autouse=True, scope="session")
def _timed_on_few_pixels():
    """Let runs time their codecs on a small picture; a megapixel would be most of most tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timing, "SIDE", 64)
        patch.setattr(timing, "WARM_UP_SIDE", 32)
        yield


@pytest.fixture(autouse=True, scope="session")
def _plots_without_layout():
    """Let plots keep matplotlib's default margins: the layout takes two thirds of a small run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ConstrainedLayoutEngine, "execute", lambda _, __: None)
        yield


@pytest.fixture
def layout(monkeypatch):
    """Let plots have the layout that users see."""
    monkeypatch.setattr(ConstrainedLayoutEngine, "execute", _LAYOUT)


@pytest.fixture(autouse=True)
def _forgotten(monkeypatch):
    """Let every test begin with no plugin named."""
    monkeypatch.setattr(plugins, "_loaded", {})
    monkeypatch.setattr(consent, "_MODULES", {})
    monkeypatch.setattr(registry, "_PLUGIN_ENTRIES", {kind: {} for kind in registry._TABLES})


@pytest.fixture(scope="session")
def apart():
    """Return a function: what comes of a deed in a child, which may crash or hang.

    "done", the words of a CodecError, or how else it ended.
    """
    return _apart


def _apart(deed, seconds=600):
    ours, theirs = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 on threads and fork
        child = os.fork()
    if not child:
        try:
            signal.alarm(seconds)
            os.write(theirs, _outcome(deed).encode())
        finally:  # or the child would go on as this process
            os._exit(0)
    os.close(theirs)
    with os.fdopen(ours) as received:
        words = received.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return words or f"ended with {status}"


def _outcome(deed):
    try:
        deed()
    except CodecError as error:
        return str(error)
    return "done"


@pytest.fixture(scope="session")
def photograph():
    """Return a function: a part of a bundled photograph, uint8 (H, W, 3)."""
    return _photograph


@cache
def _photograph(name, height, width):
    spec = ImageSpec(set="sample", names=(name,), crop=Crop(height=height, width=width))
    return load(spec, Path())[0].pixels


@pytest.fixture(scope="session")
def small_net():
    """Return a function: a small random net of an architecture, its latents spread over levels."""
    return _small_net


@cache
def _small_net(architecture, seed=0):
    torch.manual_seed(seed)
    net = fresh(COMPRESSAI_NAMES.get(architecture, architecture), _widths(architecture)).eval()
    images = torch.cat([to_tensor(_photograph(name, 64, 128)) for name in ("astronaut", "coffee")])
    _spread_latents(net, images)
    net.update(update_quantiles=True)
    return net.requires_grad_(False).to(memory_format=torch.channels_last)


def _widths(architecture):
    if architecture.startswith("cheng2020"):
        return (8,)
    return (8, 136) if architecture.startswith("elic2022") else (8, 12)


@torch.no_grad()
def _spread_latents(net, images):
    """Scale last layers until latents, means, scales and pictures spread as in a trained net."""
    if hasattr(net, "latent_codec"):
        _spread_latent_codec(net, images)
        return
    for factor in net.entropy_bottleneck.factors:
        factor.normal_(std=0.3)
    latents = _spread(net.g_a, images, 4 if hasattr(net, "h_a") else 12, 0)
    if hasattr(net, "h_a"):
        hyper = _spread(net.h_a, latents, 3, 0)
        parameters = _spread(net.h_s, hyper, 1.5, 2)
        if hasattr(net, "entropy_parameters"):
            context = net.context_prediction(latents)
            _spread(net.entropy_parameters, torch.cat([parameters, context], 1), 1.5, 2)
    _spread(net.g_s, latents.round(), 0.3, 0.5)


def _spread_latent_codec(net, images):
    hyper = net.latent_codec.hyper
    for factor in hyper.entropy_bottleneck.factors:
        factor.normal_(std=0.3)
    latents = _spread(net.g_a, images, 4, 0)
    _spread(hyper.h_s, _spread(hyper.h_a, latents, 3, 0).round(), 1.5, 0)
    for part in net.modules():
        if isinstance(part, CheckerboardLatentCodec):
            part.entropy_parameters[-1].bias += 2
    _spread(net.g_s, latents.round(), 0.3, 0.5)


def _spread(path, inputs, std, mean):
    layer = [
        module
        for part in path
        for module in part.modules()
        if not isinstance(part, AttentionBlock)
        and isinstance(module, nn.Conv2d | nn.ConvTranspose2d)
    ][-1]
    for _ in range(3):
        factor = std / path(inputs).std()
        layer.weight *= factor
        layer.bias *= factor
    layer.bias += mean
    return path(inputs)


@pytest.fixture(scope="session")
def small_checkpoint(tmp_path_factory):
    """Return a function: the file of a small net's weights."""

    @cache
    def saved(architecture, seed=0):
        path = tmp_path_factory.mktemp("weights") / f"{architecture}.pth.tar"
        torch.save(_small_net(architecture, seed).state_dict(), path)
        return path

    return saved


@pytest.fixture(scope="session")
def small_codec(small_checkpoint):
    """Return a function: the codec of a small net, by its name in `backends.CODECS`."""

    @cache
    def made(architecture, seed=0):
        path = small_checkpoint(architecture, seed)
        return instantiate("codec", ComponentSpec(architecture, (("checkpoint", str(path)),)))

    return made


@pytest.fixture(scope="session")
def variable_net(small_net):
    """Return a function: a small fixed-rate net made variable, with or without a step for z.

    Its gains rise from 1 to 10, so that level 0 spreads latents as the fixed-rate net does.
    """

    @cache
    def made(architecture, is_stepped=False):
        variant = {"vr_entbttlnck": True} if is_stepped else {}
        fixed = small_net(architecture.removesuffix("-vbr"))
        torch.manual_seed(0)
        net = variable_rate[architecture](8, 12, **variant).eval().requires_grad_(False)
        _copy_weights(fixed, net)
        net.Gain *= 10
        net.QuantABCD[-1].bias += 0.1
        if is_stepped:
            _set_step(net)
        return net

    return made


def _copy_weights(fixed, net):
    """Copy the weights; an EntropyBottleneckVbr names the items of its lists one by one."""
    own = dict(net.named_parameters())
    for name, weight in fixed.named_parameters():
        single = name
        for many, one in (("matrices.", "_matrix"), ("biases.", "_bias"), ("factors.", "_factor")):
            single = single.replace(f"entropy_bottleneck.{many}", f"entropy_bottleneck.{one}")
        own[name if name in own else single].copy_(weight)


def _set_step(net):
    """Let the step of z be softplus(1.9 / gain - .05): 2 at the lowest gain, .8 at the highest."""
    for layer in net.gayn2zqstep[0:5:2]:
        layer.weight.zero_()
        layer.bias.zero_()
        layer.weight[0, 0] = 1
    net.gayn2zqstep[4].weight[0, 0] = 1.9
    net.gayn2zqstep[4].bias[0] = -0.05


@pytest.fixture(scope="session")
def variable_file(variable_net, tmp_path_factory):
    """Return a function: the file of a net's weights."""

    @cache
    def saved(architecture, is_stepped=False):
        path = tmp_path_factory.mktemp("weights") / f"{architecture}.pth.tar"
        torch.save(variable_net(architecture, is_stepped).state_dict(), path)
        return path

    return saved


@pytest.fixture(scope="session")
def variable_codec(variable_file):
    """Return a function: the codec of a net at a level."""

    @cache
    def made(architecture, level, is_stepped=False):
        path = variable_file(architecture, is_stepped)
        given = (("level", level), ("checkpoint", str(path)))
        return instantiate("codec", ComponentSpec(architecture, given))

    return made


@pytest.fixture(scope="session")
def published():
    """The file of CompressAI's factorised prior, quality 2, where a developer has it."""
    if not PUBLISHED.exists():
        pytest.skip("the published checkpoint is not at ../shared")
    return PUBLISHED


@pytest.fixture
def rng():
    return np.random.default_rng(5)


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """Return a folder of five small pictures."""
    folder = tmp_path_factory.mktemp("photos")
    cat, cup, rocket = data.chelsea(), data.coffee(), data.rocket()
    for index, picture in enumerate((cat, cup, rocket, cat[::-1], cup[:, ::-1])):
        Pictures.fromarray(picture[50:146, 100:228]).save(folder / f"{index}.png")
    return folder


@pytest.fixture
def recipe(photos, tmp_path):
    """Return a function that writes a recipe; the keys given replace those of a tiny one."""

    def write(**changes):
        keys = {
            "name": "tiny",
            "architecture": "bmshj2018-factorized",
            "widths": [8, 8],
            "lmbda": 0.01,
            "photos": str(photos),
            "holdout": 1,
            "crop": 64,
            "batch": 2,
            "steps": 30,
            "lr": 1e-3,
            "warmup": 5,
            "validate_every": 20,
            "checkpoint_every": 10,
            "bfloat16": False,
        }
        path = tmp_path / "tiny.yaml"
        path.write_text(json.dumps({**keys, **changes}))
        return path

    return write


GREY = """\\
import torch
from torch import nn


class Grey(nn.Module):
    '''The best guess of the noise in pictures whose values are normal, each by itself.'''

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(1))
        self.register_buffer("spread", torch.ones(1))

    def forward(self, noisy, times):
        betas = torch.linspace(1e-4, 0.02, 1000)
        kept = (1 - betas).cumprod(0)[times][:, None, None, None]
        away = noisy - kept.sqrt() * self.mean
        noise = (1 - kept).sqrt() * away / (kept * self.spread**2 + 1 - kept)
        return torch.cat([noise, torch.zeros_like(noise)], 1)
"""


@pytest.fixture
def grey_diffusion(tmp_path):
    """Return the weights of a diffusion model whose best guess is known; grey.py is beside them."""
    (tmp_path / "grey.py").write_text(GREY)
    weights = tmp_path / "grey.safetensors"
    save_file({"mean": torch.zeros(1), "spread": torch.ones(1)}, weights)
    return weights
