from __future__ import annotations

import os
import pickle

import pytest
import torch

from bench.errors import ConfigError
from bench.models import checkpoint
from bench.models.architectures import build, fresh
from bench.models.card import Card, RateDistortion, write_card
from paths import SHARED

PUBLISHED = SHARED / "weights/bmshj2018-factorized-mse-q2.pth.tar"
ARCHITECTURE = "bmshj2018-factorized"


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(3)
    return fresh(ARCHITECTURE, (8, 12))


def _card(**changes):
    facts = {
        "architecture": ARCHITECTURE,
        "widths": (8, 12),
        "lmbda": 0.01,
        "steps": 5,
        "seconds": 7,
        "hardware": "1 thread",
        "recipe_sha256": "a",
        "training_set_sha256": "b",
        "versions": checkpoint.versions(),
        "rate_distortion": {
            "kodak": RateDistortion(bpp=0.5, psnr=30, estimated_bpp=0.5, pictures=24)
        },
        "licence": "BSD-3-Clause",
    }
    return Card(**{**facts, **changes})


@pytest.fixture
def saved(net, tmp_path):
    path = tmp_path / "deep" / "small.safetensors"
    checkpoint.save(path, net, _card())
    return path


def test_what_was_saved_is_read_to_half_precision(net, saved):
    found = checkpoint.read(saved)
    for name, weight in net.named_parameters():
        assert torch.equal(found.state[name], weight.detach().half().float())
    assert found.card == _card(weights_sha256=found.card.weights_sha256)
    assert sorted(file.name for file in saved.parent.iterdir()) == [
        "small.json",
        "small.safetensors",
    ]


def test_constants_of_the_net_survive_half_precision(net, saved):
    built = checkpoint.load(saved, ARCHITECTURE)
    for name, constant in net.named_buffers():
        if constant.is_floating_point():
            assert torch.equal(dict(built.named_buffers())[name], constant), name


def test_a_built_net_codes_pictures(saved):
    built = checkpoint.load(saved, ARCHITECTURE)
    assert not built.training
    packed = built.compress(torch.rand(1, 3, 64, 64))
    assert built.decompress(packed["strings"], packed["shape"])["x_hat"].shape == (1, 3, 64, 64)


@pytest.mark.parametrize("architecture", ["bmshj2018-hyperprior", "mbt2018", "cheng2020-anchor"])
def test_gaussian_tables_and_masks_are_rebuilt(architecture, tmp_path):
    widths = (8,) if architecture == "cheng2020-anchor" else (8, 12)
    path = tmp_path / "net.safetensors"
    original = fresh(architecture, widths)
    original.update()
    checkpoint.save(path, original, _card(architecture=architecture, widths=widths))
    assert not any(name.endswith("mask") for name in checkpoint.read(path).state)
    built = dict(checkpoint.load(path, architecture).named_buffers())
    for name, buffer in original.named_buffers():
        if name.startswith("gaussian_conditional") or name.endswith("mask"):
            assert torch.equal(built[name], buffer), name


@pytest.mark.parametrize("nest", ["plain", "state_dict", "parallel", "old"])
def test_the_usual_shapes_of_torch_files_are_accepted(net, nest, tmp_path):
    state = net.state_dict()
    renamed = {
        "plain": state,
        "state_dict": {"epoch": 3, "state_dict": state},
        "parallel": {f"module.{name}": tensor for name, tensor in state.items()},
        "old": {_old_name(name): tensor for name, tensor in state.items()},
    }[nest]
    path = tmp_path / "net.pth.tar"
    torch.save(renamed, path)
    built = checkpoint.load(path, ARCHITECTURE)
    assert checkpoint.read(path).card is None
    for name, weight in net.named_parameters():
        assert torch.equal(dict(built.named_parameters())[name], weight)


def _old_name(name):
    for new, old in (("matrices.", "_matrix"), ("biases.", "_bias"), ("factors.", "_factor")):
        name = name.replace(new, old)
    return name


class _Evil:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (self.mark,)


@pytest.mark.parametrize("legacy", [False, True])
def test_code_in_a_file_is_refused_and_never_run(net, legacy, tmp_path):
    mark, path = tmp_path / "executed", tmp_path / "evil.pth"
    content = {"state_dict": net.state_dict(), "hook": _Evil(str(mark))}
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(ConfigError, match=r"evil.pth is refused: .* \(code in it is never run\)"):
        checkpoint.read(path)
    path.write_bytes(pickle.dumps(_Evil(str(mark))))
    with pytest.raises(ConfigError, match="is refused"):
        checkpoint.read(path)
    assert not mark.exists()


@pytest.mark.parametrize("suffix", [".safetensors", ".pth.tar", ".pt"])
def test_a_missing_file_is_named(suffix, tmp_path):
    with pytest.raises(ConfigError, match=rf"cannot read the checkpoint .*gone{suffix}: No such"):
        checkpoint.read(tmp_path / f"gone{suffix}")


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.99])
def test_truncated_files_are_refused(net, saved, share, tmp_path):
    torch_file = tmp_path / "net.pth"
    torch.save(net.state_dict(), torch_file)
    for path, words in ((saved, "is truncated or not a safetensors"), (torch_file, "is refused")):
        content = path.read_bytes()
        path.write_bytes(content[: int(share * len(content))])
        with pytest.raises(ConfigError, match=f"{path.name} {words}"):
            checkpoint.read(path)


@pytest.mark.parametrize("content", [[1, 2], {"a": 1}, {}, torch.zeros(2), {"state_dict": 3}])
def test_other_content_is_not_a_checkpoint(content, tmp_path):
    path = tmp_path / "other.pt"
    torch.save(content, path)
    with pytest.raises(ConfigError, match=r"other.pt is not a checkpoint: expected tensors"):
        checkpoint.read(path)


@pytest.mark.parametrize(
    ("architecture", "words"),
    [
        ("bmshj2018-hyperprior", r"lacks weights of {} \(h_a.0.weight, h_a.0.bias, ..."),
        ("bmshj2018_factorized_relu", r"weights that {} does not have \(g_a.1.beta, g_a.1.gamma,"),
        ("cheng2020-attn", r"weights of another architecture than {} \(missing g_a.0.conv1.weight"),
    ],
)
def test_weights_of_another_architecture_are_refused(net, architecture, words):
    with pytest.raises(ConfigError, match=words.format(architecture)):
        build(architecture, net.state_dict())


def test_same_names_with_other_shapes_are_refused():
    state = fresh("bmshj2018-hyperprior", (8, 12)).state_dict()
    with pytest.raises(ConfigError, match="the names are the same, the shapes are not"):
        build("mbt2018-mean", state)


def test_a_card_of_another_architecture_is_refused(saved):
    with pytest.raises(ConfigError, match="by its card, not mbt2018-mean; set architecture: bmshj"):
        checkpoint.load(saved, "mbt2018-mean")


def test_weights_that_are_not_the_cards_are_refused(saved, net):
    card = checkpoint.read(saved).card
    write_card(saved, card.model_copy(update={"weights_sha256": "0" * 64}))
    with pytest.raises(ConfigError, match=r"not the file its card small.json describes"):
        checkpoint.read(saved)


@pytest.mark.parametrize("text", ["", "[]", '{"format": 1}', '{"format": 2, "colour": 3}'])
def test_a_damaged_card_is_named(saved, text):
    saved.with_suffix(".json").write_text(text)
    with pytest.raises(ConfigError, match=r"small.json is not the card of a checkpoint"):
        checkpoint.read(saved)


def test_unknown_architecture_and_wrong_widths():
    with pytest.raises(ConfigError, match="did you mean 'bmshj2018-factorized'"):
        fresh("bmshj2018-factorised", (8, 8))
    with pytest.raises(ConfigError, match="cheng2020-attn takes 1 widths, the recipe has 2"):
        fresh("cheng2020-attn", (8, 8))


@pytest.mark.shared
@pytest.mark.skipif(not PUBLISHED.exists(), reason="the published checkpoint is not at ../shared")
def test_a_published_checkpoint_loads():
    net = checkpoint.load(PUBLISHED, ARCHITECTURE)
    assert net.M == 192
    with pytest.raises(ConfigError, match="lacks weights of bmshj2018-hyperprior"):
        checkpoint.load(PUBLISHED, "bmshj2018-hyperprior")
