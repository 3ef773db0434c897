"""`bench attack-test`: an attack against `standard`, on toy codecs and on records made by hand."""

from __future__ import annotations

import pytest

from bench.cli.main import main
from leaderboard.study.attacks.result import Names, Result
from leaderboard.study.attacks.verdict import sentences

PLUGIN = """\
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from backends.toy import Toy
from bench.attack import AttackResult
from bench.entry import Entry


def squares(height, width):
    rows, columns = np.indices((height, width))
    return 1.0 - 2.0 * ((rows + columns) % 2)


class Trapdoor(Toy):
    '''Inverts pictures with a chequered pattern, of which the surrogate knows nothing.'''

    def __init__(self):
        super().__init__(gain=0.5)

    def decode(self, bitstream):
        picture = super().decode(bitstream)
        pattern = (picture * squares(*picture.shape[:2])[..., None]).mean()
        return 255 - picture if pattern > 3 else picture

    def fingerprint(self):
        return "trapdoor"


@dataclass(frozen=True)
class Chequered:
    needs: ClassVar[str] = "gradient"
    budgets: ClassVar[tuple[str, ...]] = ("linf",)
    version: ClassVar[int] = 1
    evaluations: ClassVar[int] = 1
    brightest: float = 1.0
    mistake: str = ""

    def __call__(self, target, images, budget, rngs):
        if self.mistake == "crash":
            raise ValueError("no pattern")
        values, _ = target.value_and_grad(images)
        pattern = torch.from_numpy(squares(*images.shape[-2:])).float()
        radius = 40.0 if self.mistake == "far" else budget.radius
        found = (images + radius / 255 * pattern).clamp(0, 1)
        return AttackResult(found if images.mean() < self.brightest else images, values[None])


CODECS = {"trapdoor": Entry(Trapdoor, "toy with a trapdoor")}
ATTACKS = {"chequered": Entry(Chequered, "opens the trapdoor")}
"""
SMALL = ("--crop", "32x32", "--plugin", "mine.py")
TOY = ("--codec", "toy", "gain=0.5", *SMALL)
"""`standard` reaches the optimum of this codec."""

JPEG = ("--codec", "jpeg", "quality=50", *SMALL)
TRAPDOOR = ("--codec", "trapdoor", *SMALL, "--objective", "distortion", "-o", "trapdoor")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return the working directory of all tests, which share the searches of `standard`."""
    made = tmp_path_factory.mktemp("attack-test")
    (made / "mine.py").write_text(PLUGIN)
    return made


@pytest.fixture
def tested(folder, monkeypatch, capsys):
    """Return a function: the words after `bench attack-test` -> exit status, output, errors."""
    monkeypatch.chdir(folder)

    def run(*words):
        status = main(["attack-test", *words])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return run


def test_an_attack_that_finds_what_standard_cannot_is_stronger(tested):
    status, printed, _ = tested("chequered", *TRAPDOOR)
    assert status == 0
    assert "chequered is stronger than standard-2 cheap: it gains more in 4 of 4 cases" in printed
    assert "chequered is stronger than shrinking-apgd steps=1" in printed
    assert "sign-noise:" not in printed
    (row,) = (line for line in printed.splitlines() if line.startswith(" trapdoor"))
    assert [cell.partition(")")[0] for cell in row.split(" dB (")[1:]] == [
        *("4/4", "0/4", "0/4", "0/4")
    ]


def test_the_next_attack_does_not_repeat_the_searches_of_standard(tested, folder):
    tested("chequered", *TRAPDOOR)
    records = folder / "trapdoor/standard/records.jsonl"
    before = records.stat().st_mtime_ns
    (folder / "mine.py").write_text(PLUGIN + "# the next version\n")
    assert tested("chequered", *TRAPDOOR)[0] == 0
    assert records.stat().st_mtime_ns == before
    assert len(list((folder / "trapdoor").glob("chequered-????????"))) == 2


def test_an_attack_that_wins_on_some_pictures_only_is_not_called_stronger(tested):
    _, printed, _ = tested("chequered", "brightest=0.35", *TRAPDOOR)
    assert "is neither clearly stronger nor clearly weaker than standard-2 cheap" in printed


def test_an_attack_that_reaches_the_same_optimum_is_as_strong(tested):
    _, printed, _ = tested("fgsm", *TOY, "-o", "toy")
    assert "fgsm is as strong as standard-2 cheap: it gains more in 0 of 12 cases" in printed
    assert "unfair to fgsm: for one picture and objective it spent at most 1 gradient," in printed
    assert "nothing to compare: shrinking-apgd steps=3 spent at most 3 gradients." in printed


def test_noise_is_called_weaker_than_noise_of_the_full_radius(tested):
    words = ("--codec", "toy", "gain=0.5", "--crop", "64x64", "--objective", "distortion")
    _, printed, _ = tested("uniform-noise", *words, "-o", "noise")
    assert "uniform-noise is weaker than standard-2 cheap" in printed
    assert "uniform-noise is weaker than sign-noise" in printed
    assert "It gains less than noise in 4 cases (toy gain=0.5, distortion, linf 8, astro" in printed


def test_a_folder_of_other_codecs_is_refused_before_the_attack_searches(tested, folder):
    words = ("--codec", "toy", "gain=0.5", "--crop", "24x24", "--objective", "rate", "-o", "other")
    assert tested("fgsm", *words)[0] == 0
    status, _, errors = tested("ifgsm", "steps=2", *words, "--codec", "toy", "gain=0.4")
    assert status == 2
    assert "standard belongs to another run" in errors
    assert not list((folder / "other").glob("ifgsm*"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("chekered", *TRAPDOOR), "unknown attack 'chekered'; did you mean 'chequered'?"),
        (("chequered", "step=3", *TRAPDOOR), "the attack 'chequered' has no parameter 'step'"),
        (("pgd", "steps=[1, 2]", *TOY), "expected one attack, but the lists of values give 2"),
        (("standard-1", *TOY), "'standard-1' is an ensemble of attacks; name a single attack"),
        (
            ("pgd", *JPEG),
            "the attack 'pgd' needs gradients, which the codec 'jpeg quality=50' does not offer",
        ),
        (("chequered", *TRAPDOOR, "--budget", "l2=9"), "supports budgets in linf"),
        (("fgsm", "--plugin", "his.py"), "there is no plugin his.py"),
        (("fgsm", *TOY, "--pictures", "none"), "there is no 'none'"),
        (("fgsm", *TOY, "--crop", "32"), "a crop is written HEIGHTxWIDTH"),
        (("square", "queries=5", "--codec", "identity", *SMALL), "that is not lossless"),
        (
            ("square", "queries=3", *JPEG, "--objective", "rd", "-o", "jpeg"),
            "nothing can be compared with standard-2 cheap",
        ),
        (
            ("chequered", "mistake=crash", *TOY, "--objective", "rate", "-o", "crash"),
            "gave no picture in 4 searches; the first one, on astronaut, ended with: ValueError:"
            " no pattern",
        ),
        (
            ("fgsm", "--codec", "toy", *SMALL, "--objective", "distortion", "-o", "lossless"),
            "such as the PSNR drop of a lossless codec",
        ),
        (
            ("chequered", "mistake=far", *TOY, "--objective", "rate", "-o", "far"),
            "a picture 40 8-bit levels away or outside its region; the budget is linf 8",
        ),
    ],
)
def test_what_cannot_be_tested_is_said_in_one_sentence(tested, words, message):
    status, _, errors = tested(*words)
    assert status == 2
    assert message in errors
    assert errors.count("\n") == 1


FOUR = ("one", "two", "three", "four")
NAMES = Names("mine", "both", "equal")


@pytest.fixture
def result(lab, tmp_path):
    """Return a function: the added bpp of each picture by attack, None for a failure -> sentences.

    "both" is an ensemble of two attacks with half of the gradients each.
    """

    def folder(name, gains, gradients):
        made = lab(objectives=["rate"])
        for picture in FOUR:
            made.clean("own", picture)
        for attack, found in gains.items():
            for picture, gain in zip(FOUR, found, strict=False):
                is_noise = attack == "sign-noise"
                source = () if is_noise else ("own",)
                wanted = None if is_noise else "rate"
                status = "ok" if gain is not None else "failed"
                craft = made.craft(picture, attack, wanted, source, status=status)
                spent = {"gradients": 0 if is_noise else gradients, "reason": "lost" * (not gain)}
                made.records[-1] = craft.model_copy(update=spent)
                if gain is None:
                    made.attacked("own", craft, None, status="failed", stage="craft")
                else:
                    made.attacked("own", craft, made.scores(bpp=1 + gain))
        return made.write(tmp_path / name)

    def made(mine, both, equal=(0.0,) * 4, noise=(0.0,) * 4, gradients=50):
        tested = folder("mine", {"mine": mine, "equal": equal, "sign-noise": noise}, gradients)
        halves = {"both: first": both, "both: second": [gain and gain / 2 for gain in both]}
        return list(sentences(Result(NAMES, tested, folder("standard", halves, 100))))

    return made


def test_the_verdict_counts_cases_and_names_the_means(result):
    verdict, cost, equal = result((0.21, 0.2, 0.19, 0.2), (0.4,) * 4, (0.1,) * 4)
    assert verdict == (
        "mine is weaker than both: it gains more in 0 of 4 cases, less in 4, and the same within"
        " 2 % in 0; mean rate increase ×1.20 against ×1.40."
    )
    assert cost == (
        "The comparison is unfair to mine: for one picture and objective it spent at most 50"
        " gradients, both at most 200 gradients."
    )
    assert equal.startswith(
        "At equal cost, against the main search of standard: mine is stronger than equal: it gains"
        " more in 4 of 4 cases"
    )


@pytest.mark.parametrize(
    ("mine", "relation"),
    [
        ((0.5, 0.5, 0.5, 0.42), "is stronger than"),
        ((0.405, 0.4, 0.395, 0.4), "is as strong as"),
        ((0.8, 0.8, 0.8, 0.3), "is neither clearly stronger nor clearly weaker than"),
        ((0.409, 0.41, 0.4, 0.4), "is neither clearly stronger nor clearly weaker than"),
        ((0.3, 0.2, 0.25, 0.2), "is weaker than"),
        ((0.3, 0.2, 0.35, 0.1), "is neither clearly stronger nor clearly weaker than"),
        ((0.2, 0.2, 0.2, 0.6), "is neither clearly stronger nor clearly weaker than"),
        ((0.8, 0.8, 0.8), "is neither clearly stronger nor clearly weaker than"),
    ],
)
def test_only_what_holds_over_the_pictures_is_a_verdict(result, mine, relation):
    assert result(mine, (0.4,) * len(mine))[0].startswith(f"mine {relation} both: ")


def test_three_pictures_decide_nothing(result):
    _, why, *_ = result((0.8, 0.8, 0.8), (0.4, 0.4, 0.4))
    assert why == "Fewer than 4 pictures do not decide which attack is stronger."


def test_a_search_without_a_picture_counts_as_the_source_picture(result):
    verdict, *others = result((None, 0.4, 0.4, 0.4), (0.4,) * 4, gradients=200)
    assert "it gains more in 0 of 4 cases, less in 1, and the same within 2 % in 3" in verdict
    assert others[0].startswith("The cost is equal: ")
    assert others[-1] == (
        "mine gave no picture in 1 of 4 searches, which count as the source picture: lost"
    )


def test_a_picture_that_only_the_attack_found_counts(result):
    verdict, *_ = result((0.4, 0.4, 0.4, 0.4), (None, 0.4, 0.4, 0.4))
    assert "it gains more in 1 of 4 cases, less in 0, and the same within 2 % in 3" in verdict


def test_one_query_is_a_query(tested):
    _, printed, _ = tested("square", "queries=1", *TOY, "--objective", "rate", "-o", "query")
    assert "it spent at most 1 query," in " ".join(printed.split())


def test_an_attack_below_noise_is_named_with_its_cases(result):
    found = result((0.1, 0.1, 0.3, 0.3), (0.4,) * 4, noise=(0.2,) * 4)
    assert "It gains less than noise in 2 cases (own, rate, linf 8, one; own, rate" in found[-1]
    assert any(one.startswith("mine is neither clearly stronger nor") for one in found[1:])
