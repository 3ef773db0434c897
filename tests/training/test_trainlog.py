from __future__ import annotations

import io

import pytest
from rich.console import Console

from bench.errors import ConfigError
from bench.training.log import Display, Log


@pytest.mark.parametrize(
    "torn", [b'{"step": 3', b'{"step": 3, "loss": {}', b"{\0\0\xff}", b"3", b"{}"]
)
def test_only_the_last_log_line_may_be_torn(torn, tmp_path):
    path, whole = tmp_path / "log.jsonl", b'{"step": 1, "loss": NaN}\n{"step": 2, "loss": 3.0}\n'
    path.write_bytes(whole + torn)
    assert [entry["step"] for entry in Log(path, 9).entries] == [1, 2]
    assert path.read_bytes() == whole
    path.write_bytes(torn + b"\n" + whole)
    with pytest.raises(ConfigError, match=r"log.jsonl is damaged at line 1; remove that line or"):
        Log(path, 9)
    assert path.read_bytes() == torn + b"\n" + whole


def test_a_terminal_gets_a_live_line(tmp_path):
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=150)
    with Display(console, "tiny", 0, 100) as display:
        entry = {"step": 50, "loss": 3.0, "attacked": 4.5, "bpp": 0.25, "psnr": 21.5}
        display.show(entry, waited=0.0)
    assert "loss 3.000 (attacked 4.500) 0.250 bpp 21.50 dB" in screen.getvalue()
    assert "pictures 0.0%" in screen.getvalue()


def test_curves_are_drawn_before_the_first_validation(tmp_path):
    log = Log(tmp_path / "log.jsonl", 0)
    log.add({"step": 50, "loss": 3.0, "bpp": 0.25, "psnr": 21.5})
    log.plot(tmp_path / "curves.png")
    assert (tmp_path / "curves.png").stat().st_size > 1000
