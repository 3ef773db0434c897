"""Run folders of records made by hand, through the real store; boards of tracks that were run."""

from __future__ import annotations

import itertools
import math
import shutil

import numpy as np
import pytest

from bench.cli.main import main
from bench.store.manifest import Manifest
from bench.store.records import CraftRecord, MeasureRecord, Scores
from bench.store.run_folder import open_run, read_run
from bench.suite.suite import Suite
from bench.utils.yaml_config import parse
from leaderboard.publish import tracks

LAMBDA = 0.02
PICTURES = ("one", "two", "three")
SEARCHES = [*itertools.product(("fgsm", "PGD-7"), ("distortion", "rate"))]
NOISES = [("sign-noise", None), ("uniform-noise", None)]
SETTINGS = {
    "name": "synthetic",
    "description": "made by hand",
    "images": {"files": ["one.png", "two.png", "three.png"]},
    "codecs": [
        {"name": "toy", "gain": 2.0, "label": "own"},
        {"name": "jpeg", "quality": 5, "label": "other"},
    ],
    "attacks": ["fgsm", {"name": "pgd", "steps": 7, "label": "PGD-7"}],
    "objectives": ["distortion", "rate"],
    "budgets": [{"linf": 8}],
    "rd_lambda": LAMBDA,
}


class Lab:
    """Collects records and writes them as a run folder."""

    def __init__(self, **changes):
        self.suite = Suite.model_validate(SETTINGS | changes)
        self.codecs = [str(choice) for choice in self.suite.operating_points] + ["identity"]
        self.records, self.keys = [], itertools.count()
        self.budget = "linf 8"

    def clean(self, victim, picture, bpp=1.0, mse=1e-3, similar=None, **lost):
        scores = None if lost else self.scores(bpp, mse, similar=(similar, similar))
        stage = "clean" if lost else None
        self._measure(
            victim=victim, picture=picture, threat="clean", scores=scores, stage=stage, **lost
        )

    def attacked(self, victim, craft, scores, stage="attacked", threat=None, **lost):
        made_so = "noise" if not craft.sources else "transfer"
        threat = threat or ("white-box" if victim in craft.sources else made_so)
        made = {"picture": craft.picture, "craft": craft.key, "threat": threat}
        stage = stage if lost else None
        self._measure(victim=victim, scores=scores, stage=stage, **made, **lost)

    def craft(self, picture, attack, objective=None, sources=(), flags=(), status="ok", *, start=0):
        record = CraftRecord(
            key=f"c{next(self.keys)}",
            status=status,
            sources=sources,
            picture=picture,
            picture_sha256="0",
            attack=attack,
            objective=objective,
            budget=self.budget,
            seed=0,
            start=start,
            flags=flags,
            gradients=7 if sources else 0,
        )
        self.records.append(record)
        return record

    def scores(
        self,
        bpp_clean=1.0,
        mse_clean=1e-3,
        bpp=None,
        mse=None,
        change=0.0,
        shift=0.0,
        *,
        luma=None,
        similar=(None, None),
    ):
        bpp, mse = bpp_clean if bpp is None else bpp, mse_clean if mse is None else mse
        clean, attacked, lossy = _psnr(mse_clean), _psnr(mse), mse_clean > 0
        return Scores(
            bytes=100,
            header_bytes=10,
            bpp=bpp,
            bpp_estimated=None,
            bpp_clean=bpp_clean,
            mse_clean=mse_clean,
            mse_source=mse,
            mse_input=mse,
            mse_shift=shift,
            mse_perturbation=change,
            luma_mse_clean=mse_clean / 2,
            luma_mse_source=mse / 2 if luma is None else luma,
            psnr_clean=clean,
            psnr_source=attacked,
            psnr_input=attacked,
            psnr_shift=_psnr(shift),
            psnr_perturbation=_psnr(change),
            linf=8.0,
            ssim_source=None,
            ms_ssim_source=similar[1],
            ssim_clean=None,
            ms_ssim_clean=similar[0],
            vmaf_source=None,
            vmaf_clean=None,
            drop_db=clean - attacked if lossy else None,
            drop_percent=100 * (1 - attacked / clean) if lossy else None,
            bpp_factor=bpp / bpp_clean,
            rd_cost=self.cost(bpp, mse),
            rd_factor=self.cost(bpp, mse) / self.cost(bpp_clean, mse_clean),
            vi=10 * math.log10(shift / change) if change and shift else None,
            unexplained=mse > mse_clean + change,
        )

    @staticmethod
    def cost(bpp, mse):
        return bpp + LAMBDA * 255**2 * mse

    def write(self, folder, cells=None):
        measured = sum(record.kind == "measure" for record in self.records)
        manifest = Manifest(
            suite=self.suite.model_dump(mode="json"),
            suite_sha256="a" * 64,
            plan_sha256="b" * 64,
            cells=measured if cells is None else cells,
            codecs={label: f"{label} 1.0" for label in self.codecs},
            gradients=tuple(sorted({s for r in self.records for s in getattr(r, "sources", ())})),
            random=(),
            pictures={name: name for name in PICTURES},
            notes={},
            versions={"python": "3.11"},
            machine={"cores": "2"},
            started="2026-01-01T00:00:00+00:00",
        )
        with open_run(folder, manifest) as store:
            for record in self.records:
                store.append(record)
        return read_run(folder)

    def _measure(self, status="ok", **values):
        key, fingerprint = f"m{next(self.keys)}", f"{values['victim']} 1.0"
        self.records.append(
            MeasureRecord(key=key, fingerprint=fingerprint, status=status, **values)
        )


def _psnr(mse):
    return -10 * math.log10(mse) if mse > 0 else math.inf


@pytest.fixture(scope="session")
def lab():
    """Return the class."""
    return Lab


@pytest.fixture(scope="session")
def run_suite():
    """Return a function: the text of a suite and a folder -> the folder of its run."""

    def ran(text, folder):
        (folder / "suite.yaml").write_text(text)
        assert main(["run", str(folder / "suite.yaml"), "-o", str(folder / "run")]) == 0
        return folder / "run"

    return ran


@pytest.fixture(scope="module")
def publish_tracks(tmp_path_factory, run_suite):
    """Return a function: texts of suites, the only tracks from then on -> their runs, a board."""
    with pytest.MonkeyPatch.context() as patch:

        def published(*texts, by):
            suites = {suite.name: suite for suite in (parse(one, "track", Suite) for one in texts)}
            patch.setattr(tracks, "tracks", lambda: suites)
            runs = [run_suite(text, tmp_path_factory.mktemp("track")) for text in texts]
            to = tmp_path_factory.mktemp("published") / "board"
            assert main(["publish", *map(str, runs), "--to", str(to), "--by", by]) == 0
            return runs, to

        yield published


@pytest.fixture(scope="session")
def one_picture():
    """Return a function: "own" on one picture, one attack and one noise, each (bpp, mse, shift)."""

    def made(attack=(1.5, 0.02, 0.01), noise=(1.1, 0.01, 0.01), wanted="distortion", **changes):
        lab = Lab(**changes)
        lab.clean("own", "one")
        crafts = lab.craft("one", "fgsm", wanted, ("own",)), lab.craft("one", "sign-noise")
        for craft, (bpp, mse, shift) in zip(crafts, (attack, noise), strict=True):
            lab.attacked("own", craft, lab.scores(bpp=bpp, mse=mse, change=1e-3, shift=shift))
        return lab

    return made


@pytest.fixture(scope="session")
def filled(tmp_path_factory):
    """A whole run of random numbers, and these: arrays of [picture] or [picture, search]."""
    lab, rng, truth = Lab(), np.random.default_rng(0), {}
    crafts = [[lab.craft(p, *s, ("own",)) for s in SEARCHES] for p in PICTURES]
    noises = [[lab.craft(p, *s) for s in NOISES] for p in PICTURES]
    for codec in lab.codecs:
        truth[codec] = numbers = _numbers(rng, lossless=codec == "identity")
        for i, picture in enumerate(PICTURES):
            clean = numbers["clean_bpp"][i], numbers["clean_mse"][i]
            lab.clean(codec, picture, *clean)
            for j, craft in enumerate(crafts[i] + noises[i]):
                attacked = (numbers[name][i, j] for name in ("bpp", "mse", "change", "shift"))
                lab.attacked(codec, craft, lab.scores(*clean, *attacked))
    return lab.write(tmp_path_factory.mktemp("filled")), truth


def _numbers(rng, *, lossless):
    shape = len(PICTURES), len(SEARCHES + NOISES)
    stronger = np.array([2.0] * len(SEARCHES) + [1.0] * len(NOISES))
    bpp = rng.uniform(0.2, 2, shape[0])
    mse = rng.uniform(5e-4, 2e-3, shape[0]) * (not lossless)
    return {
        "clean_bpp": bpp,
        "clean_mse": mse,
        "bpp": bpp[:, None] * rng.uniform(1, 1.5, shape) * stronger,
        "mse": mse[:, None] + rng.uniform(5e-3, 9e-3, shape) * stronger,
        "change": rng.uniform(5e-3, 2e-2, shape),
        "shift": rng.uniform(1e-4, 9e-3, shape),
    }


@pytest.fixture
def copy(published, tmp_path):
    """Return a copy of the board that the fixture `published` of a test file gives."""
    return shutil.copytree(published, tmp_path / "board")
