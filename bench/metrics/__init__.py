"""The scores that every evaluation has: MSE, PSNR, SSIM, MS-SSIM, VMAF.

Metrics that a suite names live in `backends.metrics`; the type is `bench.metric`.
"""
