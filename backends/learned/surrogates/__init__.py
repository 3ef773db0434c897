"""The differentiable surrogates of learned codecs: reconstructions, and the coder's bits.

views         of the models whose data paths are known
own_forward   of the models of other classes, with `rounding`
entropy_models, table_bits   what rounds, and what each symbol costs
passes        a surrogate from its forward passes
"""
