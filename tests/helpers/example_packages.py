"""Example packages, installed in a folder of their own as a user installs them."""

from __future__ import annotations

import os
import subprocess
import sys

from paths import ROOT


def install(example, folder):
    """Install an example package, without its dependencies, into a folder; return the folder."""
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    options = ["--no-build-isolation", "--no-index", "--target", str(folder), str(example)]
    subprocess.run([*install, *options], check=True, stderr=subprocess.DEVNULL)
    return folder


def run_module(folder, *arguments):
    """Run a Python module with the package of a folder installed; return what it prints."""
    path = os.pathsep.join(filter(None, (str(folder), str(ROOT), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
        check=False,
        capture_output=True,
        text=True,
    )
    assert not done.returncode, done.stdout + done.stderr
    return done.stdout
