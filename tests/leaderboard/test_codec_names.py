"""Short names are what tables show; they stay unique."""

from __future__ import annotations

import pytest

from bench.errors import ConfigError
from leaderboard.codec_names import codec_named, short_names


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("bmshj2018-hyperprior-small-q4", "hyperprior q4"),
        ("bmshj2018-hyperprior-small-q4-hardened", "hyperprior q4 hardened"),
        ("bmshj2018-hyperprior-small-q4-hardened-rd", "hyperprior q4 hardened"),
        ("bmshj2018-hyperprior-small", "hyperprior"),
        ("mbt2018-mean-small-q5", "mean-scale q5"),
        ("mbt2018-small-q2", "autoregressive q2"),
        ("cheng2020-attn-small-q4", "Cheng attention q4"),
        ("CompressAI bmshj2018-factorized q2", "CompressAI factorized q2"),
        ("VVC medium 4:2:0 qp 32", "VVC medium 4:2:0 qp 32"),
        ("my-small-codec", "my-small-codec"),
        ("mbt2018-meant", "mbt2018-meant"),
    ],
)
def test_a_label_is_shortened_to_what_tells_it_apart(label, name):
    assert short_names([label]) == {label: name}


def test_labels_that_would_be_equal_keep_their_own():
    labels = ["bmshj2018-hyperprior-small-q4", "hyperprior q4", "mbt2018-mean-small-q4"]
    assert short_names(labels) == {
        labels[0]: labels[0],
        labels[1]: labels[1],
        labels[2]: "mean-scale q4",
    }


CODECS = {
    "bmshj2018-hyperprior-small": ["bmshj2018-hyperprior-small-q4", "identity"],
    "bmshj2018-hyperprior-small-hardened": ["bmshj2018-hyperprior-small-q4-hardened", "identity"],
    "VVC fast 4:2:0": ["VVC fast 4:2:0 qp 27", "VVC fast 4:2:0 qp 32", "identity"],
}


@pytest.mark.parametrize(
    ("typed", "codec"),
    [
        ("hyperprior", "bmshj2018-hyperprior-small"),
        ("Hyperprior Q4", "bmshj2018-hyperprior-small"),
        ("hyperprior hardened", "bmshj2018-hyperprior-small-hardened"),
        ("bmshj2018-hyperprior-small-q4-hardened", "bmshj2018-hyperprior-small-hardened"),
        ("vvc fast 4:2:0", "VVC fast 4:2:0"),
        ("VVC fast 4:2:0 qp 32", "VVC fast 4:2:0"),
    ],
)
def test_a_codec_is_found_by_every_name_that_is_shown(typed, codec):
    assert codec_named(typed, CODECS, "the track") == codec


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("hyperprio", "the track has no codec 'hyperprio'; did you mean 'hyperprior'?"),
        ("xyz", "known: VVC fast 4:2:0, bmshj2018-hyperprior-small, "),
        ("identity", "'identity' is one of VVC fast 4:2:0, bmshj2018-hyperprior-small, "),
    ],
)
def test_another_name_is_refused_with_the_nearest_one(typed, message):
    with pytest.raises(ConfigError) as refused:
        codec_named(typed, CODECS, "the track")
    assert message in str(refused.value)


def test_a_name_is_not_taken_for_the_short_name_of_another_codec():
    codecs = {"hyperprior q4": ["a"], "bmshj2018-hyperprior-small-q4": ["b"]}
    assert [codec_named(name, codecs, "the run") for name in codecs] == list(codecs)
