"""The displayed names and explanations of flags, threats and views.

Records, entries and exports keep the stored names: the keys here. Only pages and tables use these.
"""

from __future__ import annotations

from leaderboard.aggregate.flags import Flag
from leaderboard.aggregate.threats import UNAWARE

_FLAGS = {
    "still-rising": "not-converged",
    "queries-spent": "query-budget-exhausted",
    "randomised": "nondeterministic",
    "weaker-than-unaware": "weaker-than-defence-unaware",
}
"""Displayed names of flags, where they differ from the stored ones."""

FLAG_MEANINGS = {
    "zero-gradient": "the gradient was zero throughout the search, so the search only moved at"
    " random. This is not robustness. Try another objective, or repair the codec's surrogate.",
    "random-start": "the objective was flat at the source picture, as it always is for"
    " distortion against C(x). The search therefore began at a random picture in the budget.",
    "nan-gradient": "the gradient was NaN at times and was replaced by zero. Check the codec's"
    " surrogate for roots, logarithms and divisions.",
    "flat-loss": "the objective did not change during the search although its gradient was not"
    " zero, so the surrogate's gradient does not match its values. Try black-box attacks, and"
    " repair the surrogate.",
    "still-rising": "the last quarter of the search brought more than a tenth of its total gain."
    " More steps would find a worse case.",
    "randomised": "the codec returned another bitstream for the same picture. One score is one"
    " draw, and an attack on one draw understates the effect. Declare the codec as"
    " `bench.codec.Randomised`.",
    "surrogate-off": "the value that the search expected differs by more than 10 % from the"
    " measured one, so the attack followed another codec than the one that is scored. Compare the"
    " surrogate's reconstruction and bits with the real ones (`bench check CODEC`).",
    "unchanged": "the adversarial picture equals the source picture after rounding, so its scores"
    " say nothing about the codec. Try a larger budget, random starts (`pgd`), or another"
    " objective.",
    "queries-spent": "the attack exceeded the number of queries that it declares and was stopped."
    " The best picture until then was scored. Raise the attack's `evaluations`.",
    "weaker-than-noise": "noise reached a higher value of the objective than the attack, so the row"
    " is not a worst case. Try more steps, restarts or a smaller step size, and for transfer"
    " attacks a source codec that is closer to the victim.",
    "weaker-than-unaware": "the defence-unaware attack was stronger than the adaptive one, so the"
    " defence looks more robust than it is. Try more steps or draws, or another surrogate.",
    "weaker-than-transfer": "transfer attacks from other codecs were stronger than the attack"
    " through this codec's own gradients. Try more steps or restarts, and compare the codec's"
    " surrogate with its real output.",
    "weaker-than-black-box": "black-box attacks were stronger than the attack through the codec's"
    " own gradients. Compare its surrogate with its real output.",
    "weaker-than-smaller-budget": "a smaller budget had a larger effect, so the search stops too"
    " early. Try more steps or a smaller step size.",
    "weaker-than-fewer-steps": "the same attack with fewer steps was stronger, so the result"
    " depends on chance. Try restarts or a smaller step size.",
    "goal-not-reached": "the search for the smallest perturbation found no picture that reaches its"
    " goal inside the budget. The codec withstands this search, or the search is too weak. Try a"
    " larger budget or more steps.",
    "no-collision": "the search found no other picture with the same bytes. There may be one: more"
    " steps or tries may find it. A codec whose bytes determine the picture has none.",
    "search-failed": "the search gave no picture inside the budget. The reasons are listed below.",
    "unfinished": "not every evaluation of the run has a record. Continue the run; its figures may"
    " change.",
}
"""What each built-in flag means and what to do about it, by stored name."""

_FOREIGN_FLAG = "reported by the attack itself; see the documentation of the attack."

_THREATS: dict[str, str] = {UNAWARE: "defence-unaware"}
"""Displayed names of threats, where they differ from the stored ones."""

_THREAT_MEANINGS = {
    "unaware": "adversarial pictures found on the bare codec (non-adaptive)",
    "transfer": "adversarial pictures found on other codecs",
    "black-box": "adversarial pictures found by querying the codec, without gradients",
}

_VIEWS = {
    "source": "source picture",
    "attacked": "adversarial picture",
    "decoded": "clean reconstruction",
    "attacked decoded": "reconstruction under attack",
    "change": "perturbation ×10",
    "damage": "change of the reconstruction ×10",
    "bits": "bits, clean",
    "attacked bits": "bits, under attack",
}
"""Displayed names of the views of a picture by the names in entries."""


def flag_name(stored: str) -> str:
    """Return the displayed name of a flag."""
    return _FLAGS.get(stored, stored)


def flag_text(flag: Flag) -> str:
    """Return a flag with its counts as it is displayed."""
    return flag.described_as(flag_name(flag.name))


def flag_meaning(stored: str) -> str:
    """Return what a flag means and what to do about it."""
    return FLAG_MEANINGS.get(stored, _FOREIGN_FLAG)


def threat_text(stored: str) -> str:
    """Return how an operating point was attacked, as it is displayed."""
    return " + ".join(_THREATS.get(threat, threat) for threat in stored.split(" + "))


def threat_meaning(threat: str) -> str:
    """Return what a threat means."""
    return _THREAT_MEANINGS.get(threat, f"adversarial pictures of the threat '{threat}'")


def view_name(stored: str) -> str:
    """Return the displayed name of a view of a picture."""
    return _VIEWS.get(stored, stored)
