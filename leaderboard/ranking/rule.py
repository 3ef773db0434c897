"""The ranking rule in the words of the board; `leaderboard.ranking.ranking` follows it."""

from __future__ import annotations

from leaderboard.ranking.rd_costs import LAMBDAS

RULE = (
    "**Cost.** The R-D cost of a picture is J = bpp + λ·255²·MSE, with the error against the source"
    f" picture. There are three weights: λ = {', '.join(f'{lmbda:g}' for lmbda in LAMBDAS)} for"
    " low, middle and high rates.",
    "**Operating point.** Every codec is ranked at the quality setting with the lowest mean clean"
    " J.",
    "**Order by R-D cost under attack: efficiency and robustness together.** J under attack is the"
    " highest that any attack reached, for each picture. The mean over the pictures decides; lower"
    " is better. It is given as a multiple of the clean J of VVC (of several VVCs, the one with the"
    " lowest clean J at the middle λ), so that no codec can win by being inefficient to begin with."
    " 'increase' is the codec's J under attack as a multiple of its own clean J.",
    "**Order by excess R-D cost: robustness alone.** A faithful codec that keeps the perturbation"
    " of an adversarial picture x' of x, at the clean rate, has the cost clean J + λ·255²·MSE(x,"
    " x'). The excess of an adversarial picture is its J less this cost: what the attack causes"
    " beyond its own perturbation, in the unit of the first order. The highest excess that any"
    " attack reached counts, for each picture; the mean decides; lower is better. Below 0 the codec"
    " removes part of the perturbation.",
    "**Comparable attacks.** Codecs attacked through their own gradients and codecs attacked"
    " without gradients stand in separate lists. The list of all codecs counts only attacks that"
    " use no gradient of the victim. These are weaker. Of these attacks, it counts only threats"
    " that both groups of codecs were scored on. An adversarial picture that was found on a codec"
    " does not count as a transfer attack on that codec. The list is left out if the groups have no"
    " such threat in common.",
    "**Lower bounds.** An attacked cost is a lower bound: a stronger attack may exist. A figure is"
    " marked ≥ where there is evidence for it: on at least one picture, the search with the highest"
    " cost carries a flag (it had not converged, its surrogate was off, ...), or was weaker for its"
    " objective than it must be, or noise or a smaller budget reached a higher cost. A flag of a"
    " search that found the highest cost of no picture marks nothing, and no flag takes a rank."
    " Flags of searches on other codecs concern only those codecs.",
    "**Ranks and ties.** The rank of a codec is 1 + the number of codecs of the list that are"
    " significantly better. A range, such as 3–5, marks a codec that is tied: it ends at the rank"
    " that the codec would have if all that do not differ significantly from it were better; 'tied"
    " with' names those. All pairs of a list are compared by a paired t-test over"
    " the pictures, R-D costs by their logarithms, with Holm's correction: the probability that a"
    " list separates any two equal codecs is at most 5 %. The variance contains that of the random"
    " starts of each search; with one start, the chance of a search shows only as a part of the"
    " differences between the pictures. The fewer pictures, the larger a difference must be. A"
    " codec whose cost varies much between the pictures is tied with many, and can have a better"
    " rank than one with a lower mean.",
    "**No rank.** A codec has no rank, and is listed below the ranked codecs, if its run is"
    " unfinished, if a search failed, or if a picture is missing, failed or is unsupported under"
    " attack. Fewer than two codecs are not ranked.",
    "**Colour.** Codecs marked 4:2:0 use chroma subsampling, which alone lowers their PSNR. 'luma"
    " rank' is the rank by the R-D cost under attack with the error of the luma only.",
)
"""The ranking rule: one paragraph per part, markdown."""
