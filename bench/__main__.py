"""Run the command line with `python -m bench`."""

from bench.cli.main import entry

if __name__ == "__main__":
    entry()
