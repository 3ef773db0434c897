"""A plugin: a learned codec whose decoder has one scale wrong by one ulp in other environments."""

import os

import torch

from backends.learned.compressai import CompressAI
from bench.entry import Entry


class OneUlp(CompressAI):
    """A hyperprior whose scales all lie exactly on the limits between the coder's tables.

    The first scale is one ulp too large with two threads, under SSE4.1, and after `moved`.
    """

    def __init__(self) -> None:
        super().__init__("bmshj2018-hyperprior", checkpoint="bmshj2018-hyperprior-small-q4")
        is_sse = os.environ.get("ONEDNN_MAX_CPU_ISA") == "SSE41"
        _put_on_limits(self._net.gaussian_conditional, is_sse or torch.get_num_threads() == 2)

    def moved(self, layout, device):
        codec = super().moved(layout, device)
        _put_on_limits(codec._net.gaussian_conditional, layout == "contiguous")
        return codec


def _put_on_limits(model, one_ulp):
    table_of = type(model).build_indexes

    def build_indexes(scales):
        limits = model.scale_table[table_of(model, scales).long()]
        if one_ulp:
            first = limits.view(-1)[:1]
            first.copy_(torch.nextafter(first, torch.full_like(first, torch.inf)))
        return table_of(model, limits)

    model.build_indexes = build_indexes


CODECS = {"one-ulp": Entry(OneUlp, "one scale is wrong by one ulp elsewhere")}
