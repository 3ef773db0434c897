"""Other processes of ours: what they run, and what they must not."""

import sys
from types import ModuleType

import pytest

from bench.utils.child_process import Child, LostError

SERVE = "def serve(parent):\n    parent.send('mine')\n    parent.receive()\n"


def test_a_module_is_taken_from_where_this_process_takes_it(tmp_path, monkeypatch):
    (tmp_path / "served.py").write_text(SERVE)
    monkeypatch.syspath_prepend(tmp_path)
    child = Child("served:serve")
    assert child.receive(60) == "mine"
    child.stop()


def test_files_of_the_current_folder_do_not_pass_for_modules(tmp_path, monkeypatch):
    (tmp_path / "colorsys.py").write_text(SERVE)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LostError, match="exit code 1"):
        Child("colorsys:serve").receive(60)


def test_a_message_that_it_cannot_read_ends_it(tmp_path, monkeypatch):
    absent = ModuleType("absent")
    absent.Thing = type("Thing", (), {"__module__": "absent"})
    monkeypatch.setitem(sys.modules, "absent", absent)
    (tmp_path / "served.py").write_text(SERVE)
    monkeypatch.syspath_prepend(tmp_path)
    child = Child("served:serve")
    assert child.receive(60) == "mine"
    child.send(absent.Thing())
    with pytest.raises(LostError, match="exit code 1"):
        child.receive(60)
