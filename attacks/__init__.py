"""The attacks, objectives and attack ensembles that ship with the harness, by name.

To add one, write a class in a module of this package and add an entry here. This module imports
only `bench.entry`: implementations are imported when they are used.
"""

from bench.entry import Entry

ATTACKS: dict[str, Entry] = {
    "uniform-noise": Entry(
        "attacks.noise:UniformNoise", "uniform random picture inside the budget"
    ),
    "gaussian-noise": Entry(
        "attacks.noise:GaussianNoise", "Gaussian noise projected into the budget"
    ),
    "sign-noise": Entry(
        "attacks.noise:SignNoise", "noise of the full radius in a random direction"
    ),
    "colour-shift": Entry(
        "attacks.colour_shift:ColourShift", "best of eight uniform colour offsets"
    ),
    "best-noise": Entry("attacks.noise:BestNoise", "best of many noise draws, by queries"),
    "corruption": Entry(
        "attacks.corruptions.attack:Corruption",
        "noise, blur, weather or a digital artefact of ImageNet-C; no attack and in no ranking",
        paper="arXiv 1903.12261",
    ),
    "fgsm": Entry(
        "attacks.gradient.pgd:FGSM",
        "single gradient step of the full radius",
        paper="arXiv 1412.6572",
    ),
    "ifgsm": Entry("attacks.gradient.pgd:IFGSM", "iterated FGSM (BIM)", paper="arXiv 1607.02533"),
    "mifgsm": Entry(
        "attacks.gradient.pgd:MIFGSM", "iterated FGSM with momentum", paper="arXiv 1710.06081"
    ),
    "pgd": Entry(
        "attacks.gradient.pgd:PGD",
        "projected gradient ascent from random starts",
        paper="arXiv 1706.06083",
    ),
    "apgd": Entry(
        "attacks.gradient.apgd:APGD", "PGD with adaptive step size", paper="arXiv 2003.01690"
    ),
    "shrinking-apgd": Entry(
        "attacks.gradient.apgd:ShrinkingAPGD",
        "APGD in a ball that shrinks to the budget",
        paper="arXiv 2103.01208",
    ),
    "ftda": Entry(
        "attacks.gradient.ftda_cw:FTDA",
        "Adam on the objective inside an MSE cap, on the MSE outside",
        paper="arXiv 2112.08691",
    ),
    "cw": Entry(
        "attacks.gradient.ftda_cw:CarliniWagner",
        "Carlini & Wagner: Adam on a Lagrangian with searched weight",
        paper="arXiv 1608.04644",
    ),
    "madc": Entry(
        "attacks.gradient.madc:MADC",
        "gradient ascent on the sphere of constant MSE",
        paper="doi.org/10.1167/8.12.8",
    ),
    "square": Entry(
        "attacks.query.square:Square",
        "random search with square windows, by queries",
        paper="arXiv 1912.00049",
    ),
    "nes": Entry(
        "attacks.query.nes_spsa:NES",
        "gradient ascent on gradients estimated from queries",
        paper="arXiv 1804.08598",
    ),
    "spsa": Entry(
        "attacks.query.nes_spsa:SPSA",
        "Adam on gradients estimated from queries",
        paper="arXiv 1802.05666",
    ),
    "evolution": Entry(
        "attacks.query.evolution:Evolution",
        "evolution strategy on low-frequency perturbations, by queries",
    ),
    "ssah": Entry(
        "attacks.gradient.frequency:SSAH",
        "Adam on the highest wavelet frequencies",
        paper="arXiv 2203.05151",
    ),
    "dct": Entry(
        "attacks.gradient.frequency:DCT",
        "Adam on low frequencies of a block DCT",
        paper="arXiv 1809.08758",
    ),
    "recolour": Entry(
        "attacks.gradient.recolour:Recolour",
        "smooth colour transform of the whole picture",
        paper="arXiv 1906.00001",
    ),
    "korhonen": Entry(
        "attacks.gradient.masked:Korhonen",
        "Adam on a perturbation masked by local activity",
        paper="doi.org/10.1145/3552469.3555715",
    ),
    "patch": Entry(
        "attacks.gradient.masked:Patch",
        "Adam on one rectangle of the picture",
        paper="arXiv 1801.02608",
    ),
    "minimum-apgd": Entry(
        "attacks.gradient.minimum:MinimumAPGD",
        "smallest perturbation that reaches a goal, by APGD at bisected radii",
    ),
    "minimum-square": Entry(
        "attacks.query.minimum:MinimumSquare",
        "smallest perturbation that reaches a goal, by Square at bisected radii",
    ),
    "collision-search": Entry(
        "attacks.gradient.collision:CollisionSearch",
        "another picture with the value of the source picture, by Adam from afar",
        paper="arXiv 2503.19817",
    ),
    "universal": Entry(
        "attacks.gradient.universal:Universal",
        "universal perturbation trained on other pictures",
        paper="arXiv 1610.08401",
    ),
}

OBJECTIVES: dict[str, Entry] = {
    "distortion": Entry("attacks.objectives.basic:Distortion", "MSE of the reconstruction"),
    "regenerated": Entry(
        "attacks.objectives.basic:Regenerated", "MSE of the picture that is coded twice"
    ),
    "ms-ssim": Entry("attacks.objectives.basic:MsSsim", "1 - MS-SSIM of the reconstruction"),
    "haarpsi": Entry(
        "attacks.objectives.basic:HaarPsi",
        "1 - HaarPSI of the reconstruction",
        paper="doi.org/10.1016/j.image.2017.11.001",
        packages=("piq",),
        install="pip install 'codec-robustness-bench[perceptual]'",
    ),
    "rate": Entry("attacks.objectives.basic:Rate", "bits per pixel"),
    "hyper-rate": Entry("attacks.objectives.basic:HyperRate", "bits per pixel of the hyper-latent"),
    "rd": Entry("attacks.objectives.basic:RateDistortion", "R-D cost: bpp + lambda 255^2 MSE"),
    "rate-at-quality": Entry(
        "attacks.objectives.tradeoffs:RateAtQuality", "bits per pixel at the clean distortion"
    ),
    "distortion-at-rate": Entry(
        "attacks.objectives.tradeoffs:DistortionAtRate", "MSE at the clean rate"
    ),
    "collision": Entry(
        "attacks.objectives.collision:Collision",
        "minus the distance to the bytes of the source picture",
        paper="arXiv 2503.19817",
    ),
    "time": Entry(
        "attacks.objectives.encoding_time:EncodingTime", "seconds to encode; by queries only"
    ),
    "target": Entry(
        "attacks.objectives.targeted:Targeted",
        "minus the MSE to a target picture, whole or in one place",
    ),
}

ENSEMBLES: dict[str, Entry] = {
    "standard": Entry("attacks.standard:Standard", "worst case over complementary attacks"),
    "standard-1": Entry("attacks.standard:Standard1", "version 1 of standard, for older results"),
    "corruptions": Entry(
        "attacks.corruptions.attack:Corruptions",
        "the fifteen kinds of corruption at five severities",
        paper="arXiv 1903.12261",
    ),
    "minimum-perturbation": Entry(
        "attacks.goals:MinimumPerturbation",
        "smallest perturbations that lose some dB of PSNR, or multiply the rate",
    ),
    "bitstream-collision": Entry(
        "attacks.gradient.collision:BitstreamCollision",
        "another picture with the same bytes as the source picture",
        paper="arXiv 2503.19817",
    ),
    "chosen-quality": Entry(
        "attacks.goals:ChosenQuality",
        "smallest perturbations that bring the PSNR or the rate to a chosen value",
    ),
}
