"""Checkpoints as people save them: wrapped, nested, without tables, in old spellings."""

from __future__ import annotations

import re

import pytest
import torch
from safetensors.torch import save_file

from bench.errors import ConfigError
from bench.models import checkpoint
from bench.models.architectures import fresh
from bench.models.coder_tables import TABLES
from bench.registry import plugins
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import instantiate

ARCHITECTURE = "bmshj2018-hyperprior"
PREFIXES = ("model.", "net.", "_orig_mod.", "module.", "codec.student.")
KEYS = (
    *("model_state_dict", "state_dict", "net", "model", "params", "params_ema", "ema", "network"),
    "weights of mine",
)
OWN = """\
from compressai.models import ScaleHyperprior
from torch import nn


class Mine(ScaleHyperprior):
    pass


class Inside(ScaleHyperprior):
    def __init__(self, N, M):
        super().__init__(N, M)
        self.module = nn.Linear(1, 1)
"""


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(3)
    made = fresh(ARCHITECTURE, (8, 12))
    made.update()
    return made


@pytest.fixture(scope="module")
def state(net):
    return {name: tensor.detach() for name, tensor in net.state_dict().items()}


@pytest.fixture(autouse=True)
def _own_models(tmp_path):
    (tmp_path / "own_names.py").write_text(OWN)
    plugins.load("own_names.py", tmp_path)


def _prefixed(state, prefix):
    return {f"{prefix}{name}": tensor for name, tensor in state.items()}


def _without_tables(state):
    return {name: one for name, one in state.items() if name.rpartition(".")[2] not in TABLES}


def _respelled(state, spelling):
    return {
        re.sub(
            r"\.(matri|bias|factor)(?:ces|es|s)\.(\d)$",
            lambda old: spelling.format(many=MANY[old[1]], one=ONE[old[1]], n=old[2]),
            name,
        ): tensor
        for name, tensor in state.items()
    }


MANY = {"matri": "matrices", "bias": "biases", "factor": "factors"}
ONE = {"matri": "matrix", "bias": "bias", "factor": "factor"}


def _assert_loads(path, net):
    """Check that a file is read as the architecture and as a user's own model."""
    built = checkpoint.load(path, ARCHITECTURE)
    choice = (("model", "own_names:Mine"), ("checkpoint", str(path)))
    own = instantiate("codec", ComponentSpec("compressai", choice))._net
    for name, weight in net.named_parameters():
        for one in (built, own):
            assert torch.equal(dict(one.named_parameters())[name], weight), name
    for found in (built, own):
        assert found.entropy_bottleneck.offset.numel() == 8


def _save(content, path):
    if path.suffix == ".safetensors":
        save_file(content, path)
    else:
        torch.save(content, path)
    return path


FORMS = {
    "without tables": _without_tables,
    "old lists": lambda state: _respelled(state, "._{many}.{n}"),
    "old single": lambda state: _respelled(state, "._{one}{n}"),
    **{prefix: lambda state, prefix=prefix: _prefixed(state, prefix) for prefix in PREFIXES},
    **{
        f"{prefix}module.": lambda state, prefix=prefix: _prefixed(state, f"{prefix}module.")
        for prefix in PREFIXES
    },
    "module.model.": lambda state: _prefixed(_without_tables(state), "module.model."),
}


@pytest.mark.parametrize("suffix", [".safetensors", ".pth.tar"])
@pytest.mark.parametrize("form", FORMS)
def test_names_as_people_save_them(form, suffix, net, state, tmp_path):
    _assert_loads(_save(FORMS[form](state), tmp_path / f"net{suffix}"), net)


@pytest.mark.parametrize("key", KEYS)
def test_weights_under_any_key(key, net, state, tmp_path):
    content = {
        "epoch": 3,
        "args": None,
        key: _prefixed(state, "module."),
        "optimizer": {"state": {}},
    }
    _assert_loads(_save(content, tmp_path / "net.pt"), net)


def test_a_file_of_lightning(net, state, tmp_path):
    content = {
        "epoch": 1,
        "global_step": 2,
        "pytorch-lightning_version": "2.4.0",
        "state_dict": {**_prefixed(state, "model."), "criterion.weight": torch.ones(2)},
        "loops": {"fit_loop": {"state_dict": {}}},
        "callbacks": {},
        "optimizer_states": [{"state": {0: {"step": torch.ones(1)}}, "param_groups": []}],
        "hyper_parameters": {"lmbda": 0.01},
    }
    path = _save(content, tmp_path / "net.ckpt")
    built = dict(checkpoint.load(path, ARCHITECTURE).named_parameters())
    assert all(torch.equal(built[name], weight) for name, weight in net.named_parameters())


def test_parameters_alone_take_the_constants_of_the_architecture(net, tmp_path):
    path = _save({"params_ema": dict(net.named_parameters())}, tmp_path / "ema.pth")
    built = checkpoint.load(path, ARCHITECTURE).state_dict()
    assert all(torch.equal(built[name], one) for name, one in net.state_dict().items())


@pytest.mark.parametrize(
    ("content", "keys"),
    [
        (lambda state: {"params": state, "params_ema": state}, "'params' and 'params_ema'"),
        (
            lambda state: {**_prefixed(state, "model."), **_prefixed(state, "ema.")},
            "'ema' and 'mod",
        ),
    ],
)
def test_two_nets_in_a_file_are_named(content, keys, state, tmp_path):
    path = _save(content(state), tmp_path / "two.pt")
    with pytest.raises(ConfigError, match=f"two.pt: .* several nets, under {keys}.*save one of"):
        checkpoint.load(path, ARCHITECTURE)
    choice = (("model", "own_names:Mine"), ("checkpoint", str(path)))
    with pytest.raises(ConfigError, match=r"its names begin with (params|model), (params_)?ema"):
        instantiate("codec", ComponentSpec("compressai", choice))


def test_a_loss_beside_the_net_is_no_second_net(net, state, tmp_path):
    content = {"model_state_dict": state, "criterion_state_dict": {"weight": torch.ones(3)}}
    path = _save(content, tmp_path / "net.pt")
    built = dict(checkpoint.load(path, ARCHITECTURE).named_parameters())
    assert all(torch.equal(built[name], weight) for name, weight in net.named_parameters())


def test_a_name_of_an_own_model_that_looks_like_a_wrapper_is_kept(state, tmp_path):
    own = {**state, "module.weight": torch.ones(1, 1), "module.bias": torch.ones(1)}
    path = _save(own, tmp_path / "net.pt")
    choice = (("model", "own_names:Inside"), ("checkpoint", str(path)))
    assert instantiate("codec", ComponentSpec("compressai", choice))._net.module.bias == 1


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            lambda one: one.pop("h_a.0.weight"),
            r"lacks weights of .* \(h_a.0.weight\): it was saved",
        ),
        (
            lambda one: one.update({"lpips.0": torch.ones(1)}),
            r"does not have \(lpips.0\); name the",
        ),
        (
            lambda one: one.update({"h_b.0.weight": one.pop("h_a.0.weight")}),
            r"another architecture than .* \(missing h_a.0.weight; unexpected h_b.0.weight\)",
        ),
    ],
)
def test_the_error_says_which_names_are_missing_or_unexpected(change, sentence, state, tmp_path):
    altered = dict(state)
    change(altered)
    path = _save(altered, tmp_path / "net.pt")
    with pytest.raises(ConfigError, match=sentence) as error:
        checkpoint.load(path, ARCHITECTURE)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [{"epoch": 3, "loss": 1.5}, {"model": {"lr": 0.1}}])
def test_a_file_without_weights_names_its_keys(content, tmp_path):
    path = _save(content, tmp_path / "net.pt")
    with pytest.raises(ConfigError, match=f"found dict {', '.join(content)}; save it with torch"):
        checkpoint.read(path)


@pytest.mark.parametrize(
    ("dtype", "word"),
    [(torch.complex64, "complex64"), (torch.int8, "int8"), (torch.bool, "bool")],
)
@pytest.mark.parametrize("model", ["", "own_names:Mine"])
def test_weights_that_are_no_real_numbers_are_refused(model, dtype, word, state, tmp_path):
    altered = {**state, "g_a.2.weight": state["g_a.2.weight"].to(dtype)}
    path = _save(altered, tmp_path / "net.pt")
    with pytest.raises(ConfigError, match=f"g_a.2.weight is {word}, the model has float32 there"):
        _make(model, path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("model", ["", "own_names:Mine"])
def test_weights_that_are_not_finite_are_refused(model, value, state, tmp_path):
    altered = {**state, "g_a.2.weight": state["g_a.2.weight"].clone()}
    altered["g_a.2.weight"][0, 0, 0, 0] = value
    path = _save(altered, tmp_path / "net.pt")
    with pytest.raises(ConfigError, match=r"net.pt: g_a.2.weight has values that are not finite"):
        _make(model, path)


def _make(model, path):
    if model:
        return instantiate(
            "codec", ComponentSpec("compressai", (("model", model), ("checkpoint", str(path))))
        )
    return checkpoint.load(path, ARCHITECTURE)
