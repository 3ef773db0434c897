"""What to do about each conformance test that a codec fails, in one sentence."""

from __future__ import annotations

from collections.abc import Mapping

ADVICE: Mapping[str, str] = {
    "test_a_larger_picture_is_coded": (
        "let `encode` and `decode` process a picture of a quarter of a megapixel, or raise"
        " bench.errors.Unsupported for sizes that the format does not have"
    ),
    "test_a_process_that_has_not_seen_the_picture_decodes_it": (
        "put everything that `decode` needs into the bytes that `encode` returns, and keep nothing"
        " in the object, the module or a file"
    ),
    "test_another_object_decodes_the_same_picture": (
        "let `decode` depend on the bitstream alone, without random numbers or kept state"
    ),
    "test_cut_off_bitstreams_are_refused": (
        "write bitstreams with bench.container.pack and read them with unpack, which checks their"
        " length, and raise bench.errors.CodecError for what cannot be decoded"
    ),
    "test_every_kind_of_picture_comes_back": (
        "return uint8 (H, W, 3) from `decode` and bytes from `encode` for noise, grey, black and"
        " white pictures too"
    ),
    "test_every_size_comes_back": (
        "pad the picture in `encode` and crop it in `decode`, or raise bench.errors.Unsupported"
        " for sizes that the format does not have"
    ),
    "test_flipped_bits_are_refused": (
        "write bitstreams with bench.container.pack and read them with unpack, which checks a"
        " checksum, and raise bench.errors.CodecError for what cannot be decoded"
    ),
    "test_foreign_bytes_are_refused": (
        "write bitstreams with bench.container.pack and read them with unpack, which checks the"
        " name of the codec, and raise bench.errors.CodecError for other bytes"
    ),
    "test_gradients_agree_with_finite_differences": (
        "look for a detached, clamped or approximated step in the surrogate, or state the"
        " difference with `tolerances = Tolerances(slope=...)` if it is by design"
    ),
    "test_gradients_flow_through_both_halves": (
        "replace operations without a gradient in `reconstruct` and `rate`, such as `detach` and"
        " `torch.round`, by differentiable ones"
    ),
    "test_operating_points_have_different_fingerprints": (
        "return one line from `fingerprint` with everything that can change the output, such as"
        " parameters, a hash of the weights and versions of programs, and nothing else"
    ),
    "test_the_estimate_agrees_with_the_bytes": (
        "compute `estimated_bits` with the probabilities that the entropy coder uses, or state the"
        " difference with `tolerances = Tolerances(estimate=...)` if it is by design"
    ),
    "test_the_header_is_part_of_the_bitstream": (
        "return from `header_bytes` how many bytes of the bitstream are header, for example"
        " bench.container.overhead(sections)"
    ),
    "test_the_picture_is_not_modified": "copy the picture in `encode` before changing it",
    "test_the_same_picture_gives_the_same_bytes": (
        "remove random numbers and kept state from `encode`, or implement"
        " bench.codec.Randomised if the codec draws by design"
    ),
    "test_the_surrogate_agrees_with_the_codec": (
        "let `reconstruct` and `rate` follow the steps of `decode` and `encode`, or state the"
        " difference with `tolerances = Tolerances(psnr=..., bits=...)` if it is by design"
    ),
    "test_the_surrogate_has_both_halves": (
        "return pictures (B, 3, H, W) from `reconstruct`, a mapping of bits (B, C, h, w) from"
        " `rate`, and the same two from `relaxed`"
    ),
}
"""By the name of the test."""
