"""The random numbers of searches and noise follow from no version, weight or machine."""

import torch
from PIL import Image

from bench.planning import searches
from bench.store.run_folder import read_run
from small_run import run_suite

SUITE = """\
name: small
images: {set: sample, names: [chelsea], crop: {height: 32, width: 32}}
codecs: [{name: bmshj2018-factorized, checkpoint: bmshj2018-factorized-small-q1, label: learned}]
attacks: [uniform-noise, sign-noise, {name: pgd, steps: 1, step_size: 1.0e-9, starts: 3}]
objectives: [distortion, rate]
budgets: [{linf: 8}, {mse: 3.0e-4}]
compute: {threads: 1}
"""


def _run(folder, text=SUITE):
    """Return the searches of a run by all that identifies them, and the run."""
    run_suite(text, folder)
    run = read_run(folder)
    found = {
        (craft.attack, craft.objective, craft.budget, craft.start): craft
        for craft in run.crafts.values()
    }
    assert len(found) == len(run.crafts)
    return found, run


def _picture(run, craft):
    return Image.open(run.folder / "adversarial" / f"{craft.key}.png").tobytes()


def test_two_versions_make_the_same_noise_and_the_same_starts(tmp_path, monkeypatch):
    first, run = _run(tmp_path / "one")
    monkeypatch.setattr(torch, "__version__", "99.0")
    monkeypatch.setattr(searches, "SEARCHING_VERSION", searches.SEARCHING_VERSION + 1)
    second, again = _run(tmp_path / "two")
    assert run.manifest.codecs != again.manifest.codecs
    assert first.keys() == second.keys()
    for name, craft in first.items():
        assert craft.seed == second[name].seed
        assert _picture(run, craft) == _picture(again, second[name])
    attacked = [name for name in first if name[1]]
    assert len(attacked) == 12
    assert all(first[name].key != second[name].key for name in attacked)


def test_starts_differ_in_their_random_numbers_alone(tmp_path):
    found, run = _run(tmp_path)
    for objective in ("distortion", "rate"):
        starts = [found["pgd steps=1 step_size=1e-09", objective, "linf 8", n] for n in range(3)]
        assert len({craft.seed for craft in starts}) == 3
        assert len({_picture(run, craft) for craft in starts}) == 3
    scored = [record for record in run.measures if record.craft in run.crafts]
    assert len(scored) >= len(found)


def test_other_pictures_budgets_objectives_and_suite_seeds_give_other_numbers(tmp_path):
    found, _ = _run(tmp_path / "one")
    assert len({craft.seed for craft in found.values()}) == len(found)
    other, _ = _run(tmp_path / "two", SUITE.replace("name: small", "name: small\nseed: 1"))
    assert not {craft.seed for craft in found.values()} & {craft.seed for craft in other.values()}
