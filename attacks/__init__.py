"""The attacks and objectives that ship with the harness, by name.

To add one: write a class in a file of this folder, and a line here.
"""

from bench.entry import Entry

ATTACKS: dict[str, Entry] = {
    "uniform-noise": Entry("attacks.noise:UniformNoise", "a random picture of the ball"),
    "sign-noise": Entry("attacks.noise:SignNoise", "the full radius in a random direction"),
    "fgsm": Entry("attacks.gradient:FGSM", "one gradient step, arXiv 1412.6572"),
    "ifgsm": Entry("attacks.gradient:IFGSM", "iterated FGSM (BIM), arXiv 1607.02533"),
    "pgd": Entry("attacks.gradient:PGD", "projected gradient, random starts, arXiv 1706.06083"),
    "colour-shift": Entry("attacks.shift:ColourShift", "every pixel moved by one colour"),
}

OBJECTIVES: dict[str, Entry] = {
    "distortion": Entry("attacks.objectives:Distortion", "MSE of the reconstruction"),
    "rate": Entry("attacks.objectives:Rate", "bits per pixel"),
    "rd": Entry("attacks.objectives:RateDistortion", "bpp + lambda 255^2 MSE"),
}
