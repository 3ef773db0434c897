"""The scores of every evaluation: MSE, PSNR, SSIM, MS-SSIM, VMAF.

Metrics that a suite names live in `backends.metrics`; their interface is `bench.metric`.
"""
