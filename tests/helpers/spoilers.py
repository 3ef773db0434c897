"""One function for each state that `bench.utils.process_state` keeps; it changes the state."""

import gc
import locale
import os
import signal
import sys
import warnings

import numpy as np
import PIL.Image
import PIL.ImageFile
import torch

SPOILERS = {
    "working directory": lambda: os.chdir("/"),
    "environment": lambda: os.environ.update(BENCH_SPOILT="1", PATH=""),
    "warning filters": lambda: warnings.simplefilter("ignore"),
    "signal handlers": lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN),
    "standard streams": lambda: setattr(sys, "stdout", None),
    "recursion limit": lambda: sys.setrecursionlimit(5000),
    "garbage collector": gc.disable,
    "locale": lambda: locale.setlocale(locale.LC_NUMERIC, "C.UTF-8"),
    "floating-point errors": lambda: np.seterr(all="raise"),
    "PIL.Image.MAX_IMAGE_PIXELS": lambda: setattr(PIL.Image, "MAX_IMAGE_PIXELS", 1),
    "PIL.ImageFile.LOAD_TRUNCATED_IMAGES": lambda: setattr(
        PIL.ImageFile, "LOAD_TRUNCATED_IMAGES", True
    ),
    "gradients": lambda: torch.set_grad_enabled(False),
    "default dtype": lambda: torch.set_default_dtype(torch.float64),
    "default device": lambda: torch.set_default_device("meta"),
    "threads": lambda: torch.set_num_threads(torch.get_num_threads() + 1),
    "denormals": lambda: torch.set_flush_denormal(True),
    "anomaly detection": lambda: torch.autograd.set_detect_anomaly(True),
    "matmul precision": lambda: torch.set_float32_matmul_precision("medium"),
    "deterministic algorithms": lambda: torch.use_deterministic_algorithms(True),
    "autocast": lambda: torch.set_autocast_enabled("cpu", True),
    "torch.backends.mkldnn.enabled": lambda: setattr(torch.backends.mkldnn, "enabled", False),
    "torch.backends.cudnn.benchmark": lambda: setattr(torch.backends.cudnn, "benchmark", True),
    "torch.backends.cudnn.deterministic": lambda: setattr(
        torch.backends.cudnn, "deterministic", True
    ),
}
