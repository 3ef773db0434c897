"""Files that claim more than they hold are refused before any memory is taken."""

from __future__ import annotations

import io
import os
import resource
import struct
import zipfile

import pytest
import torch

import bench.models.torch_files
from bench.errors import ConfigError
from bench.models import checkpoint
from bench.models.architectures import build, fresh

CLAIM = 10 * 2**30
_LONG = b"\x8a\x05" + struct.pack("<q", CLAIM // 4)[:5]
REFUSED = r"big.pt is refused: it claims to hold more bytes than the \d+ of the file"


def _saved(is_old):
    file = io.BytesIO()
    torch.save({"w": torch.zeros(4)}, file, _use_new_zipfile_serialization=not is_old)
    return file.getvalue()


def _old(path):
    """Write a file of the old format whose only storage claims 10 GiB."""
    content = _saved(is_old=True)
    forged = content.replace(b"q\x06K\x04Nt", b"q\x06" + _LONG + b"Nt")
    assert forged != content
    path.write_bytes(forged)


def _unpacking(path):
    """Write a file with a compressed record of 128 MiB."""
    with (
        zipfile.ZipFile(io.BytesIO(_saved(is_old=False))) as given,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as written,
    ):
        for record in given.infolist():
            written.writestr(record.filename, given.read(record))
        written.writestr("archive/data/1", bytes(2**27))


def _headers(path):
    """Write a file whose directory claims 2 GiB for a record of 16 bytes."""
    content = bytearray(_saved(is_old=False))
    entry = content.rindex(b"archive/data/0") - 46
    content[entry + 24 : entry + 28] = struct.pack("<I", 2**31)
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("forge", [_old, _unpacking, _headers])
def test_a_file_that_claims_more_than_it_has_is_refused(forge, tmp_path):
    path = tmp_path / "big.pt"
    forge(path)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ConfigError, match=REFUSED):
        checkpoint.read(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**17


def test_the_old_format_is_read(tmp_path):
    path = tmp_path / "old.pt"
    path.write_bytes(_saved(is_old=True))
    assert torch.equal(checkpoint.read(path).state["w"], torch.zeros(4))


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_a_file_larger_than_any_weights_is_refused(suffix, tmp_path):
    path = tmp_path / f"huge{suffix}"
    path.touch()
    os.truncate(path, bench.models.torch_files.LARGEST + 1)
    with pytest.raises(ConfigError, match=r"huge.* has 4294967297 bytes, more than the 4294967296"):
        checkpoint.read(path)


def test_a_tensor_that_repeats_a_small_storage_is_refused(tmp_path):
    path = tmp_path / "big.pt"
    torch.save({"w": torch.zeros(1).expand(CLAIM // 4)}, path)
    with pytest.raises(ConfigError, match="w is not an array that the file holds whole"):
        checkpoint.read(path)


def test_a_net_wider_than_any_is_refused():
    state = fresh("bmshj2018-factorized", (8, 12)).state_dict()
    state["g_a.0.weight"] = torch.zeros(10_000, 3, 1, 1)
    with pytest.raises(ConfigError, match="with 10000 and 12 channels is wider than the 1024"):
        build("bmshj2018-factorized", state)
