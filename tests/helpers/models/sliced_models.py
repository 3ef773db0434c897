"""Small models of the kinds that researchers write today, derived from CompressAI's base class.

Slices of the latents are predicted from each other, and what rounding has lost is predicted, too
(latent residual prediction). They train in seconds.
"""

import torch
from compressai.entropy_models import (
    EntropyBottleneck,
    EntropyBottleneckVbr,
    GaussianConditional,
    GaussianMixtureConditional,
)
from compressai.models import CompressionModel
from compressai.models.utils import conv, deconv
from torch import nn

SLICES, WIDTH, LATENTS, HYPER = 3, 16, 12, 6


def ste_round(values):
    return torch.round(values) - values.detach() + values


class _Own(CompressionModel):
    downsampling_factor = 16

    def __init__(self):
        super().__init__()
        self.g_a = nn.Sequential(conv(3, WIDTH, 5, 4), nn.GELU(), conv(WIDTH, LATENTS, 5, 2))
        self.g_s = nn.Sequential(deconv(LATENTS, WIDTH, 5, 2), nn.GELU(), deconv(WIDTH, 3, 5, 4))
        self.gaussian_conditional = GaussianConditional(None)

    @classmethod
    def from_state_dict(cls, state):
        net = cls()
        net.load_state_dict(state)
        return net


class Sliced(_Own):
    """Writes one string per slice and one for z."""

    def __init__(self):
        super().__init__()
        part = LATENTS // SLICES
        self.h_a = nn.Sequential(conv(LATENTS, HYPER, 3, 2), nn.GELU(), conv(HYPER, HYPER, 3, 1))
        self.h_s = nn.Sequential(deconv(HYPER, WIDTH, 3, 2), nn.GELU())
        self.parameters_of = nn.ModuleList(
            conv(WIDTH + part * index, 2 * part, 3, 1) for index in range(SLICES)
        )
        self.lost_by_rounding = nn.ModuleList(
            conv(WIDTH + part * (index + 1), part, 3, 1) for index in range(SLICES)
        )
        self.entropy_bottleneck = EntropyBottleneck(HYPER)

    def forward(self, images):
        y = self.g_a(images)
        z = self.h_a(y)
        _, z_likelihoods = self.entropy_bottleneck(z)
        medians = self.entropy_bottleneck._get_medians()
        hyper = self.h_s(ste_round(z - medians) + medians)
        decoded, likelihoods = [hyper], []
        for index, part in enumerate(y.chunk(SLICES, 1)):
            scales, means = self._predicted(index, decoded)
            likelihoods.append(self.gaussian_conditional(part, scales, means)[1])
            decoded.append(self._corrected(index, decoded, ste_round(part - means) + means))
        y_likelihoods = torch.cat(likelihoods, 1)
        return {
            "x_hat": self._decoded(torch.cat(decoded[1:], 1)),
            "likelihoods": {"y": y_likelihoods, "z": z_likelihoods},
        }

    def compress(self, images):
        y = self.g_a(images)
        z_strings = self.entropy_bottleneck.compress(z := self.h_a(y))
        hyper = self.h_s(self.entropy_bottleneck.decompress(z_strings, z.shape[-2:]))
        decoded, strings = [hyper], []
        for index, part in enumerate(y.chunk(SLICES, 1)):
            scales, means = self._predicted(index, decoded)
            tables = self.gaussian_conditional.build_indexes(scales)
            strings.append(self.gaussian_conditional.compress(part, tables, means))
            rounded = self.gaussian_conditional.quantize(part, "dequantize", means)
            decoded.append(self._corrected(index, decoded, rounded))
        return {"strings": [*strings, z_strings], "shape": z.shape[-2:]}

    def decompress(self, strings, shape):
        decoded = [self.h_s(self.entropy_bottleneck.decompress(strings[-1], shape))]
        for index in range(SLICES):
            scales, means = self._predicted(index, decoded)
            tables = self.gaussian_conditional.build_indexes(scales)
            part = self.gaussian_conditional.decompress(strings[index], tables, means=means)
            decoded.append(self._corrected(index, decoded, part))
        return {"x_hat": self._decoded(torch.cat(decoded[1:], 1)).clamp(0, 1)}

    def _decoded(self, latents):
        return self.g_s(latents)

    def _predicted(self, index, decoded):
        return self.parameters_of[index](torch.cat(decoded, 1)).chunk(2, 1)

    def _corrected(self, index, decoded, rounded):
        lost = self.lost_by_rounding[index](torch.cat([*decoded, rounded], 1))
        return rounded + 0.5 * torch.tanh(lost)


class Nested(Sliced):
    """Writes the same strings in nested lists, and those of y first."""

    def compress(self, images):
        coded = super().compress(images)
        *y_strings, z_strings = coded["strings"]
        return {**coded, "strings": [[y_strings[:1], y_strings[1:]], z_strings]}

    def decompress(self, strings, shape):
        (first, others), z_strings = strings
        return super().decompress([*first, *others, z_strings], shape)


class Windowed(Sliced):
    """Takes only latents whose sides are multiples of 4, and does not say so."""

    def __init__(self):
        super().__init__()
        self.g_a.append(_Windows())


class LayerByLayer(Sliced):
    """Calls each layer of its decoder, not the decoder."""

    def _decoded(self, latents):
        for index in range(len(self.g_s)):
            latents = self.g_s[index](latents)
        return latents


class NeedsGpu(Sliced):
    """Cannot code on the CPU, like models that measure their own times."""

    def compress(self, images):
        torch.cuda.synchronize()
        return super().compress(images)


class Mixture(Sliced):
    """Has an entropy model whose bits no surrogate knows."""

    def __init__(self):
        super().__init__()
        self.mixture = GaussianMixtureConditional(K=3)


class SteppedBottleneck(Sliced):
    """Has the entropy model of variable-rate models."""

    def __init__(self):
        super().__init__()
        self.stepped = EntropyBottleneckVbr(HYPER)


class _Windows(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Conv2d(LATENTS, LATENTS, 1)  # a name that is a word of Python code elsewhere

    def forward(self, latents):
        latents = latents + self.net(latents)
        batch, channels, height, width = latents.shape
        windows = latents.view(batch, channels, height // 4, 4, width // 4, 4)
        return windows.reshape(latents.shape)


class Skipping(_Own):
    """Rounds without a gradient in evaluation mode, and predicts some channels without coding them.

    It calls the likelihood of the conditional directly, and codes z with the conditional, too.
    """

    def __init__(self):
        super().__init__()
        self.h_a = conv(LATENTS, HYPER, 3, 2)
        self.h_s = deconv(HYPER, 2 * LATENTS, 3, 2)
        self.z_scales = nn.Parameter(torch.full((1, HYPER, 1, 1), 2.0))
        self.register_buffer("is_coded", torch.arange(LATENTS).view(1, -1, 1, 1) % 4 > 0)

    def forward(self, images):
        y = self.g_a(images)
        z = self.h_a(y)
        z_hat = self._quantised(z)
        scales, means = self.h_s(z_hat).chunk(2, 1)
        rounded = self._quantised(y - means)
        likelihoods = self.gaussian_conditional._likelihood(rounded, scales)
        likelihoods = self.gaussian_conditional.likelihood_lower_bound(likelihoods)
        z_likelihoods = self.gaussian_conditional._likelihood(z_hat, self.z_scales.expand_as(z))
        return {
            "x_hat": self.g_s(torch.where(self.is_coded, rounded, 0) + means),
            "likelihoods": {"y": torch.where(self.is_coded, likelihoods, 1), "z": z_likelihoods},
        }

    def compress(self, images):
        y = self.g_a(images)
        z = self.h_a(y)
        z_strings = self.gaussian_conditional.compress(z, self._z_tables(z))
        scales, means = self.h_s(torch.round(z)).chunk(2, 1)
        symbols, tables = self._coded(y - means), self._coded(self._tables(scales))
        y_strings = self.gaussian_conditional.compress(symbols, tables)
        return {"strings": [y_strings, z_strings], "shape": z.shape[-2:]}

    def decompress(self, strings, shape):
        z_tables = self._z_tables(torch.zeros(1, HYPER, *shape))
        z_hat = self.gaussian_conditional.decompress(strings[1], z_tables)
        scales, means = self.h_s(z_hat).chunk(2, 1)
        tables, symbols = self._coded(self._tables(scales)), torch.zeros_like(means)
        symbols[:, self.is_coded.flatten()] = self.gaussian_conditional.decompress(
            strings[0], tables
        )
        return {"x_hat": self.g_s(symbols + means).clamp(0, 1)}

    def _quantised(self, values):
        return values + torch.rand_like(values) - 0.5 if self.training else torch.round(values)

    def _coded(self, values):
        return values[:, self.is_coded.flatten()]

    def _tables(self, scales):
        return self.gaussian_conditional.build_indexes(scales)

    def _z_tables(self, z):
        return self._tables(self.z_scales.expand_as(z))


def trained(model, pictures, steps=150):
    """Return the weights of a model, trained on crops of pictures, float (B, 3, H, W)."""
    torch.manual_seed(0)
    net = model().train()
    others = {name: one for name, one in net.named_parameters() if not name.endswith("quantiles")}
    optimizer = torch.optim.Adam(others.values(), 3e-3)
    for _ in range(steps):
        row, column = torch.randint(0, pictures.shape[-1] - 64, (2,))
        crops = pictures[..., row : row + 64, column : column + 64]
        out = net(crops)
        bits = sum(-one.clamp_min(1e-9).log2().sum() for one in out["likelihoods"].values())
        loss = bits / crops[:, 0].numel() + 0.013 * 255**2 * (out["x_hat"] - crops).square().mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(others.values(), 1.0)
        optimizer.step()
    net.eval().update(force=True, update_quantiles=True)
    return net.state_dict()
