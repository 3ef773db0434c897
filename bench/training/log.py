"""What a training shows: a JSONL log, its curves as a picture, and a live line or plain lines."""

from __future__ import annotations

import json
import time
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bench.errors import ConfigError
from bench.utils.files import write_atomically

Entry = dict[str, float]
"""One line of the log: "step", and loss, bpp, psnr of the crops (and the loss of those that were
attacked) or holdout_bpp, holdout_psnr."""


class Log:
    """A JSONL file of entries in order of their step; a torn last line is forgotten."""

    def __init__(self, path: Path, step: int) -> None:
        """Keep the entries up to `step`, at which training goes on.

        Raises:
            ConfigError: the file cannot be read or written, or is damaged before its last line.
        """
        self.path = path
        try:
            self.entries = [entry for entry in _entries(path) if entry["step"] <= step]
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
        with self.path.open("a") as file:
            file.write(json.dumps(entry) + "\n")

    def plot(self, path: Path) -> None:
        """Draw the loss of the crops and the rate and PSNR of the held-out photos."""
        from matplotlib.figure import Figure  # noqa: PLC0415 - takes a second to import

        figure = Figure(figsize=(9, 3), layout="constrained")
        for axes, key in zip(
            figure.subplots(1, 3), ("loss", "holdout_bpp", "holdout_psnr"), strict=True
        ):
            points = [(entry["step"], entry[key]) for entry in self.entries if key in entry]
            axes.plot(*zip(*points, strict=True) if points else ([], []), linewidth=1)
            axes.set(title=key.replace("_", " "), xlabel="step")
        figure.axes[0].set_yscale("log")
        figure.savefig(path, dpi=100)


class Display(AbstractContextManager["Display"]):
    """Live progress on a terminal, plain lines elsewhere."""

    def __init__(self, console: Console, name: str, step: int, steps: int) -> None:
        self._console = console
        self._steps = steps
        self._started = time.monotonic(), step
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[text]}"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task(name, total=steps, completed=step, text="")

    def __enter__(self) -> Display:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def show(self, entry: Entry, waited: float) -> None:
        """Show the newest losses, steps per second and the time left.

        Args:
            entry: of the log.
            waited: seconds that all steps together waited for their pictures.
        """
        step = int(entry["step"])
        since, first = self._started
        spent = max(1e-9, time.monotonic() - since)
        rate = (step - first) / spent
        text = f"{_text(entry)} {rate:.1f} steps/s, pictures {waited / spent:.1%}"
        self._bar.update(self._task, completed=step, text=text)
        if not self._console.is_terminal:
            minutes = (self._steps - step) / max(rate, 1e-9) / 60
            self.say(f"step {step}/{self._steps} {text}, {minutes:.0f} min left")

    def say(self, text: str) -> None:
        """Print one line above the progress."""
        self._console.print(text, highlight=False, soft_wrap=True)


def _text(entry: Entry) -> str:
    attacked = f" (attacked {entry['attacked']:.3f})" if "attacked" in entry else ""
    return f"loss {entry['loss']:.3f}{attacked} {entry['bpp']:.3f} bpp {entry['psnr']:.2f} dB"


def _entries(path: Path) -> list[Entry]:
    lines = path.read_bytes().splitlines() if path.exists() else []
    entries = [_parsed(line) for line in lines]
    if entries and entries[-1] is None:
        entries.pop()
    whole = [entry for entry in entries if entry is not None]
    if len(whole) < len(entries):
        raise ConfigError(
            f"{path} is damaged at line {entries.index(None) + 1}; remove that line or the whole"
            " file, which only the curves are drawn from"
        )
    return whole


def _parsed(line: bytes) -> Entry | None:
    """Return the entry of a line, or None if it holds none."""
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(entry, dict) or "step" not in entry:
        return None
    return entry if all(isinstance(value, int | float) for value in entry.values()) else None
