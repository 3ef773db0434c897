"""Codecs whose rates and errors are set, and the lists that their board ranks them in."""

from __future__ import annotations

import numpy as np

from leaderboard.ranking.board import build_board
from leaderboard.ranking.rd_costs import LAMBDAS

PICTURES = [f"picture-{index:02d}" for index in range(12)]
CODECS = [
    {"name": "toy", "label": "own"},
    {"name": "jpeg", "quality": [10, 90], "label": "JPEG q {quality}"},
    {"name": "vvc", "qp": [22, 42], "label": "VVC qp {qp}"},
    {"name": "webp", "label": "W"},
]


class Field:
    """Codecs whose costs are set, on twelve pictures: one attack from "own" and one noise."""

    def __init__(self, lab, codecs=CODECS, flags=(), **changes):
        self.lab = lab(codecs=[one for one in codecs if one["name"] != "webp"], **changes)
        self.attacks = {
            picture: self.lab.craft(picture, "fgsm", "distortion", ("own",), flags)
            for picture in PICTURES
        }
        self.noises = {picture: self.lab.craft(picture, "sign-noise") for picture in PICTURES}
        self.table = []

    def add(self, codec, clean, attacked, pictures=PICTURES, luma=None):
        """Clean and attacked: (bpp, mse), each a number or one a picture; luma: attacked mse."""
        for index, picture in enumerate(pictures):
            before, after = (
                [float(np.broadcast_to(v, len(PICTURES))[index]) for v in pair]
                for pair in (clean, attacked)
            )
            self.lab.clean(codec, picture, *before)
            scores = self.lab.scores(*before, *after, luma=luma)
            self.lab.attacked(codec, self.attacks[picture], scores)
            noise = self.lab.scores(*before, *before)
            self.lab.attacked(codec, self.noises[picture], noise)
            self.table.append((codec, picture, *before, *after))

    def board(self, folder, **cells):
        run = self.lab.write(folder, **cells)
        pictures = {picture: picture for picture in PICTURES}
        manifest = run.manifest.model_copy(update={"pictures": pictures})
        return build_board([type(run)(run.folder, manifest, run.crafts, run.measures)])


def standings(made, scope, lmbda=LAMBDAS[1]):
    (one,) = made.comparisons
    (found,) = [r for r in one.rankings if r.scope is scope and r.lmbda == lmbda]
    return {line.family.name: line for line in found.standings}
