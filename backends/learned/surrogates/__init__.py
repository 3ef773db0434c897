"""The differentiable surrogates of learned codecs: reconstructions, and the coder's bits.

views         of the models whose data paths are known
own_forward   of a model of any class, with `rounding`
entropy_models, table_bits   what rounds, and what each symbol costs
passes        a surrogate from its forward passes
"""
