"""The columns of what each attack does to each codec; one for each attack of a suite."""

from __future__ import annotations

from leaderboard.columns.column import Column
from leaderboard.formatting import column_key, factor
from leaderboard.ranking.attack_table import ALL_ATTACKS, AttackEffects, AttackTable

ATTACK_TABLE = (
    "Mean R-D cost under each attack alone, as a multiple of the codec's own clean R-D cost, at the"
    " middle λ: for each picture the highest over the objectives and starts of the attack. 'all"
    " attacks' is the figure 'increase' of the ranking. 'strongest attack' found most of the"
    " highest R-D costs; in brackets the number of these pictures, of all."
)
"""What the table of attacks and codecs shows."""


def attack_columns(table: AttackTable) -> tuple[Column[AttackEffects], ...]:
    """Return the columns of a table."""
    return (
        Column(
            "codec",
            "codec",
            lambda line: line.family,
            str,
            "the codec at every quality setting",
            is_main=True,
            is_text=True,
        ),
        *map(_of_attack, table.titles),
        Column(
            "strongest_attack",
            "strongest attack",
            lambda line: line.strongest or None,
            str,
            "the attack that found most of the highest R-D costs, with the number of these pictures"
            " unless it found all",
            is_main=True,
            is_text=True,
        ),
        Column(
            "quality",
            "operating point",
            lambda line: line.codec,
            str,
            "the operating point with the lowest clean R-D cost",
            is_text=True,
        ),
    )


def _of_attack(title: str) -> Column[AttackEffects]:
    which = "all attacks together, without noise" if title == ALL_ATTACKS else "this attack alone"
    return Column(
        column_key(title),
        title,
        lambda line: line.effects.get(title),
        factor,
        f"R-D cost under {which}, as a multiple of the clean R-D cost",
        "lower",
        is_main=True,
    )
