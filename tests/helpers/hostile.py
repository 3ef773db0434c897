"""A plugin of codecs and attacks that go wrong in every known way; it runs beside innocents."""

import contextlib
import errno
import os
import re
import signal
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import PIL.Image
import torch

from attacks.noise import SignNoise
from backends.pillow import Jpeg
from backends.toy import Toy
from bench.container import pack, unpack
from bench.entry import Entry

_FILE = Path(tempfile.gettempdir()) / "hostile-picture.npy"
_pictures: list[np.ndarray] = []
_contexts: list[object] = []


class Hostile(Jpeg):
    """A JPEG codec that `go_wrong` is called in before every picture."""

    def __init__(self) -> None:
        super().__init__(quality=50)

    def go_wrong(self, image: np.ndarray) -> None:
        """Do something that a codec must not do."""

    def encode(self, image):
        self.go_wrong(image)
        return super().encode(image)

    def fingerprint(self) -> str:
        return f"{type(self).__name__} {super().fingerprint()}"


class ReturnsDict(Hostile):
    def encode(self, image):
        return {"strings": [super().encode(image)], "shape": image.shape}

    def decode(self, bitstream):
        return super().decode(bitstream["strings"][0])

    def header_bytes(self, bitstream):
        return 0


class ReturnsBytearray(Hostile):
    def encode(self, image):
        return bytearray(super().encode(image))


class KeepsInObject(Hostile):
    def encode(self, image):
        self.kept = image.copy()
        return b"1"

    def decode(self, bitstream):
        return self.kept


class KeepsInModule(Hostile):
    def encode(self, image):
        _pictures.append(image.copy())
        height, width, _ = image.shape
        return pack(b"kept", height, width, [bytes([len(_pictures) - 1])])

    def decode(self, bitstream):
        return _pictures[unpack(b"kept", bitstream).sections[0][0]]


class KeepsInFile(Hostile):
    def encode(self, image):
        np.save(_FILE, image)
        return b"1"

    def decode(self, bitstream):
        return np.load(_FILE)


class WritesIntoPicture(Hostile):
    def go_wrong(self, image):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.from_numpy(image)[:, :8] = 0


class ChangesProcess(Hostile):
    def go_wrong(self, image):
        torch.set_grad_enabled(False)
        _contexts.append(torch.inference_mode())
        _contexts[-1].__enter__()
        torch.set_default_dtype(torch.float64)
        torch.set_num_threads(3)
        PIL.Image.MAX_IMAGE_PIXELS = 10
        warnings.simplefilter("error")
        os.environ["OMP_NUM_THREADS"] = "7"
        np.seterr(all="raise")


class ChangesDirectory(Hostile):
    def go_wrong(self, image):
        os.chdir("/")


class DrawsInDecoder(Hostile):
    def decode(self, bitstream):
        noise = np.random.default_rng().integers(0, 2, super().decode(bitstream).shape)
        return (super().decode(bitstream) // 2 + noise).astype(np.uint8)


class _OwnError(BaseException):
    pass


class RaisesBaseException(Hostile):
    def go_wrong(self, image):
        raise _OwnError("gave up")


class RaisesGeneratorExit(Hostile):
    def go_wrong(self, image):
        raise GeneratorExit("gave up")


class RaisesInterrupt(Hostile):
    def go_wrong(self, image):
        raise KeyboardInterrupt("gave up")


class RaisesSurrogate(Hostile):
    def go_wrong(self, image):
        raise ValueError("gave up at \udcff")


class ClosesOutput(Hostile):
    def go_wrong(self, image):
        sys.stdout.close()
        with contextlib.suppress(OSError):
            os.close(1)


class Hangs(Hostile):
    def go_wrong(self, image):
        while True:
            time.sleep(0.1)


class HangsInC(Hostile):
    """Holds the lock of the interpreter, so that no thread of its process can stop it."""

    def go_wrong(self, image):
        re.match(r"(a+)+$", "a" * 64 + "b")


class HangsInDecoder(Hostile):
    def decode(self, bitstream):
        while True:
            time.sleep(0.1)


class LeavesThread(Hostile):
    def go_wrong(self, image):
        threading.Thread(target=time.sleep, args=(10_000,)).start()


class NoMemory(Hostile):
    def go_wrong(self, image):
        raise MemoryError


class NoTorchMemory(Hostile):
    def go_wrong(self, image):
        raise RuntimeError("CUDA out of memory")


class NoDisk(Hostile):
    def go_wrong(self, image):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Crashes(Hostile):
    def go_wrong(self, image):
        os.kill(os.getpid(), signal.SIGSEGV)


class Exits(Hostile):
    def go_wrong(self, image):
        os._exit(0)


class ClosesFiles(Hostile):
    """Closes the connection to the process that waits for it, and goes on."""

    def go_wrong(self, image):
        os.closerange(3, 256)
        time.sleep(10_000)


class CrashesLater(Hostile):
    """Ends its process while another codec uses it."""

    def go_wrong(self, image):
        threading.Timer(0.05, os._exit, [3]).start()


class HangsInSurrogate(Toy):
    def reconstruct(self, images):
        while True:
            time.sleep(0.1)

    def fingerprint(self) -> str:
        return f"hanging {super().fingerprint()}"


class HangingAttack(SignNoise):
    def __call__(self, target, images, budget, rngs):
        while True:
            time.sleep(0.1)


class CrashingAttack(SignNoise):
    def __call__(self, target, images, budget, rngs):
        os.kill(os.getpid(), signal.SIGSEGV)


def _name(kind: type) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", kind.__name__).lower()


OUTCOMES = {
    ReturnsDict: r"encode\(\) returned dict, not bytes",
    ReturnsBytearray: r"encode\(\) returned bytearray, not bytes",
    KeepsInObject: "AttributeError: .*no attribute 'kept'",
    KeepsInModule: "IndexError: list index out of range",
    KeepsInFile: "a process that has not seen the picture cannot decode its bytes",
    WritesIntoPicture: "",
    ChangesProcess: "",
    ChangesDirectory: "",
    DrawsInDecoder: "",
    RaisesBaseException: "_OwnError: gave up",
    RaisesGeneratorExit: "GeneratorExit: gave up",
    RaisesInterrupt: "KeyboardInterrupt: gave up",
    RaisesSurrogate: r"ValueError: gave up at \\udcff",
    ClosesOutput: "",
    Hangs: "encoding took longer than .* s and was stopped",
    HangsInC: "encoding took longer than .* s and was stopped",
    HangsInDecoder: "decoding took longer than .* s and was stopped",
    LeavesThread: "",
    NoMemory: "ran out of a resource",
    NoTorchMemory: "ran out of a resource",
    NoDisk: "ran out of a resource",
    Crashes: "encoding crashed: its process was killed by SIGSEGV",
    Exits: "encoding crashed: its process ended with exit code 0",
    ClosesFiles: "encoding took longer than .* s and was stopped",
    CrashesLater: "",
}
"""The reason for which the clean evaluation of each codec fails; "" if it does not fail."""

CODECS = {_name(kind): Entry(kind, "goes wrong") for kind in (*OUTCOMES, HangsInSurrogate)}
ATTACKS = {_name(kind): Entry(kind, "goes wrong") for kind in (HangingAttack, CrashingAttack)}
REASONS = {_name(kind): reason for kind, reason in OUTCOMES.items()}
