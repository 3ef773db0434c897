"""The output of a training: a JSONL log, curves as a picture, and progress in the terminal."""

from __future__ import annotations

import io
import json
import time
from contextlib import AbstractContextManager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bench.errors import ConfigError
from bench.utils.files import read_file, write_atomically
from bench.utils.terminal import plain_line

Entry = dict[str, float]
"""One line of the log: "step", and either the means over the crops (loss, bpp, psnr, and attacked,
the loss of the adversarial crops) or those over the held-out photos (holdout_bpp, holdout_psnr).
The first line has "bfloat16", 1 or 0: whether convolutions ran in it."""


class Log:
    """A JSONL file of entries in the order of their steps.

    Entries after `step`, and an incomplete last line, are removed from the file.

    Args:
        path: the file; it need not exist.
        step: step at which training continues.

    Attributes:
        path: the file.
        entries: its content.

    Raises:
        ConfigError: the file cannot be read or written, or is damaged before its last line.
    """

    def __init__(self, path: Path, step: int) -> None:
        self.path = path
        try:
            self.entries = [entry for entry in _read_entries(path) if entry["step"] <= step]
            lines = [json.dumps(entry) + "\n" for entry in self.entries]
            write_atomically(path, "".join(lines).encode())
        except OSError as error:
            raise ConfigError(
                f"{path} cannot be used ({error.strerror}); remove it, or choose another folder"
                " with --out"
            ) from error

    def add(self, entry: Entry) -> None:
        """Append one entry."""
        self.entries.append(entry)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")

    def plot(self, path: Path) -> None:
        """Plot the loss on the crops, and rate and PSNR on the held-out photos, to a PNG file."""
        from matplotlib.figure import Figure  # noqa: PLC0415 - takes a second to import

        figure = Figure(figsize=(9, 3), layout="constrained")
        for axes, key in zip(
            figure.subplots(1, 3), ("loss", "holdout_bpp", "holdout_psnr"), strict=True
        ):
            points = [(entry["step"], entry[key]) for entry in self.entries if key in entry]
            axes.plot(*zip(*points, strict=True) if points else ([], []), linewidth=1)
            axes.set(title=key.replace("_", " "), xlabel="step")
        figure.axes[0].set_yscale("log")
        picture = io.BytesIO()
        figure.savefig(picture, format="png", dpi=100)
        write_atomically(path, picture.getvalue())


class Display(AbstractContextManager["Display"]):
    """Live progress on a terminal, plain lines elsewhere.

    Args:
        console: where to print.
        name: name of the checkpoint.
        step: first step.
        steps: last step.
    """

    def __init__(self, console: Console, name: str, step: int, steps: int) -> None:
        self._console = console
        self._steps = steps
        self._started = time.monotonic(), step
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[text]}", markup=False),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task(plain_line(name), total=steps, completed=step, text="")

    def __enter__(self) -> Display:
        self._bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.stop()

    def show(self, entry: Entry, waited: float) -> None:
        """Show the latest losses, the steps per second and the time left.

        Args:
            entry: entry of the log.
            waited: total seconds that the steps waited for their pictures.
        """
        step = int(entry["step"])
        since, first = self._started
        elapsed = max(1e-9, time.monotonic() - since)
        rate = (step - first) / elapsed
        text = f"{_describe(entry)} {rate:.1f} steps/s, pictures {waited / elapsed:.1%}"
        self._bar.update(self._task, completed=step, text=text)
        if not self._console.is_terminal:
            minutes = (self._steps - step) / max(rate, 1e-9) / 60
            self.say(f"step {step}/{self._steps} {text}, {minutes:.0f} min left")

    def say(self, text: str) -> None:
        """Print one line above the progress."""
        self._console.print(plain_line(text), highlight=False, soft_wrap=True)


def _describe(entry: Entry) -> str:
    attacked = f" (attacked {entry['attacked']:.3f})" if "attacked" in entry else ""
    return f"loss {entry['loss']:.3f}{attacked} {entry['bpp']:.3f} bpp {entry['psnr']:.2f} dB"


def _read_entries(path: Path) -> list[Entry]:
    lines = read_file(path).splitlines() if path.exists() else []
    entries = [_parse_entry(line) for line in lines]
    if entries and entries[-1] is None:
        entries.pop()
    valid = [entry for entry in entries if entry is not None]
    if len(valid) < len(entries):
        raise ConfigError(
            f"{path} is damaged at line {entries.index(None) + 1}; remove that line or the whole"
            " file, which is only used to plot the curves"
        )
    return valid


def _parse_entry(line: bytes) -> Entry | None:
    """Return the entry in a line, or None if it contains none."""
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(entry, dict) or "step" not in entry:
        return None
    return entry if all(isinstance(value, int | float) for value in entry.values()) else None
