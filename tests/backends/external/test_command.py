"""The codec `command`: programs that a suite names. The program here is a small script."""

from __future__ import annotations

import shlex
import shutil
import sys
import zlib

import numpy as np
import pytest

import backends.external.command
import backends.external.program
from backends.external import picture_file
from backends.external.command import Command
from bench.container import overhead
from bench.errors import CodecError, ConfigError, MachineError
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import instantiate, resolve
from bench.testing import CodecContract
from pictures import noise, smooth

ONE_SENTENCE = r"^[^\n]+$"

PROGRAM = """\
import sys, zlib
mode, step, source, target = sys.argv[1:]
data = open(source, "rb").read()
if mode == "encode":  # a PPM file of Pillow has its header in three lines
    *header, samples = data.split(b"\\n", 3)
    coarse = bytes(sample // int(step) * int(step) for sample in samples)
    result = zlib.compress(b"\\n".join((*header, coarse)), 9)
else:
    result = zlib.decompress(data)
open(target, "wb").write(result)
"""


def _line(script, *words):
    return f"{shlex.join((sys.executable, '-I', '-S', str(script)))} {' '.join(words)}"


def _codec(script, step=8):
    return Command(
        encode=_line(script, "encode", "{step}", "{input.ppm}", "{output.bin}"),
        decode=_line(script, "decode", "0", "{input.bin}", "{output.ppm}"),
        step=step,
    )


@pytest.fixture(scope="session")
def script(tmp_path_factory):
    """The program, in a folder with a blank in its name."""
    path = tmp_path_factory.mktemp("a program") / "tiny codec.py"
    path.write_text(PROGRAM)
    return path


@pytest.fixture
def stand_in(tmp_path):
    """Return a codec whose encoder runs some code after it has read its input."""

    def make(code, **parameters):
        path = tmp_path / "stand_in.py"
        words = " ".join(f"{{{name}}}" for name in parameters)
        path.write_text(
            f"import os, sys, time\n*_, source, target = sys.argv\n"
            f"data = open(source, 'rb').read()\n{code}\n"
        )
        return Command(
            encode=_line(path, words, "{input.ppm}", "{output.bin}"),
            decode="cp {input.bin} {output.ppm}",
            **parameters,
        )

    return make


class TestCommand(CodecContract):
    @pytest.fixture(autouse=True)
    def _program(self, request, script):
        request.cls.script = script

    def codec(self):
        return _codec(self.script)

    def others(self):
        return (_codec(self.script, step=16),)


def test_the_bytes_and_the_picture_are_those_of_the_programs(script, temporary):
    codec, image = _codec(script, step=32), noise(17, 33)
    bitstream = codec.encode(image)
    assert np.array_equal(codec.decode(bitstream), image // 32 * 32)
    file = zlib.compress(b"P6\n33 17\n255\n" + (image // 32 * 32).tobytes(), 9)
    assert len(bitstream) == len(file) + overhead(1)
    assert file in bitstream
    assert not list(temporary.iterdir())


@pytest.mark.parametrize("suffix", picture_file.SUFFIXES)
def test_every_picture_format_is_lossless(suffix):
    codec = Command(
        encode=f"cp {{input.{suffix}}} {{output.x}}",
        decode="cp {input.x} {output.y}".replace(".y", f".{suffix}"),
    )
    for image in (noise(7, 5), smooth(1, 9), np.zeros((4, 4, 3), np.uint8)):
        assert np.array_equal(codec.decode(codec.encode(image)), image)


def test_a_missing_program_is_named_with_the_way_out():
    for name in ("no-such-encoder", "./no-such-encoder", "~/no/such/encoder"):
        spec = ComponentSpec(
            "command",
            (
                ("encode", f"{name} {{input.png}} {{output.x}}"),
                ("decode", "cp {input.x} {output.png}"),
            ),
        )
        with pytest.raises(ConfigError, match=f"no program '{name}' on PATH; install it"):
            instantiate("codec", resolve("codec", spec))


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "sys.exit(f'first line\\n{source} is bad')",
            r"exit code 1: input.ppm is bad$",
        ),
        ("sys.exit(7)", "ended with exit code 7: it printed no error message$"),
        ("", r"wrote no file at the path of {output.bin}$"),
        ("open(target, 'w')", r"wrote an empty file at the path of {output.bin}$"),
        ("os.mkdir(target)", r"wrote no file at the path of {output.bin}$"),
        ("open(target, 'wb').write(b'P6 4 4 255 ' + bytes(48))", "has 4x4 instead of 64x64"),
        ("open(target, 'wb').write(b'P6 64 64 255 ' + bytes(48))", "cannot be read as PPM: "),
        ("open(target, 'wb').write(b'what')", "cannot be read as PPM: "),
    ],
)
def test_a_program_that_fails_is_refused_when_the_codec_is_made(stand_in, temporary, code, message):
    with pytest.raises(CodecError, match=ONE_SENTENCE) as caught:
        stand_in(code)
    assert caught.match(message)
    assert not list(temporary.iterdir())


COPY = "open(target, 'wb').write(data)"
HEADER = "rows = int(data.split()[2])"


def test_a_program_that_hangs_is_stopped(stand_in, temporary, monkeypatch):
    codec = stand_in(f"{HEADER}; time.sleep(0 if rows == 64 else 600); {COPY}")
    monkeypatch.setattr(backends.external.program, "_START_S", 0.5)
    with pytest.raises(CodecError, match=r"was stopped after 0\.5"):
        codec.encode(smooth(8, 8))
    assert not list(temporary.iterdir())


@pytest.mark.parametrize("limiter", [True, False])
def test_a_program_that_writes_too_much_is_refused(stand_in, temporary, monkeypatch, limiter):
    if not limiter:
        monkeypatch.setattr(backends.external.program, "_limiter", lambda _: ())
    codec = stand_in(f"{HEADER}; {COPY}; rows == 64 or open(target, 'wb').write(bytes(10**6))")
    monkeypatch.setattr(backends.external.command, "_LARGEST", 10**5)
    with pytest.raises(CodecError, match=r"File too large|wrote 1000000 bytes, more than"):
        codec.encode(smooth(8, 8))
    assert not list(temporary.iterdir())


def test_a_program_that_is_killed_from_outside_is_no_failure_of_the_codec(stand_in):
    codec = stand_in(f"{HEADER}; rows == 64 or os.kill(os.getpid(), 9); {COPY}")
    with pytest.raises(MachineError, match="killed from outside"):
        codec.encode(smooth(8, 8))


def test_no_shell_reads_a_value(stand_in, tmp_path):
    value = f"a  b; touch {tmp_path}/made $(touch {tmp_path}/made) {{}}"
    with pytest.raises(CodecError) as caught:
        stand_in("sys.exit(repr(sys.argv[1:-2]))", text=value, other="*")
    assert str(caught.value).endswith(repr([value, "*"]))
    assert not (tmp_path / "made").exists()


def test_a_program_runs_in_a_folder_of_its_own(stand_in, tmp_path, temporary, monkeypatch):
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    code = f"assert os.listdir() == ['input.ppm']; open('left', 'w').write('x'); {COPY}"
    codec = stand_in(code)
    codec.encode(smooth(8, 8))
    codec.encode(smooth(8, 8))
    assert not list(work.iterdir())
    assert not list(temporary.iterdir())


LIBRARY = (
    "import os, sys\nsys.path.insert(0, os.path.dirname(__file__))\nfrom library import change\n"
)


def _fingerprint(folder, monkeypatch, main, library, step=8):
    """Return the fingerprint of a program that loads a library, named by a relative path."""
    folder.mkdir()
    (folder / "main.py").write_text(LIBRARY + main)
    (folder / "library.py").write_text(library)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "executable", shutil.which(sys.executable))
    return _codec("./main.py", step).fingerprint()


MAIN = PROGRAM.replace("result = zlib.compress(", "result = change(").replace(
    "result = zlib.decompress(data)", "result = zlib.decompress(data[1:])"
)
SIMPLE = "import zlib\ndef change(data, level):\n    return b'1' + zlib.compress(data, level)\n"


def test_the_fingerprint_changes_with_the_program_its_library_and_its_parameters(
    tmp_path, monkeypatch
):
    variants = {
        "same": (MAIN, SIMPLE, 8),
        "program": (MAIN + "# newer\n", SIMPLE, 8),
        "library": (MAIN, SIMPLE.replace("b'1'", "b'2'"), 8),
        "parameter": (MAIN, SIMPLE, 9),
    }
    first = _fingerprint(tmp_path / "first", monkeypatch, MAIN, SIMPLE)
    found = {
        name: _fingerprint(tmp_path / name, monkeypatch, *variant)
        for name, variant in variants.items()
    }
    assert found["same"] == first
    assert len(set(found.values())) == len(variants)
    assert "main.py encode 8 '{input.ppm}' '{output.bin}'" in first


def test_a_random_program_has_one_fingerprint(tmp_path, monkeypatch):
    library = SIMPLE.replace("b'1'", "os.urandom(1)").replace("import zlib", "import os, zlib")
    folders = (tmp_path / "a", tmp_path / "b")
    first, second = (_fingerprint(folder, monkeypatch, MAIN, library) for folder in folders)
    assert first == second
    assert "differs from run to run" in first


REAL = {
    "webp": (
        "cwebp -quiet -q {quality} {input.png} -o {output.webp}",
        "dwebp -quiet {input.webp} -o {output.png}",
        {"quality": [20, 90]},
    ),
    "avif": (
        "avifenc --jobs 1 --min {step} --max {step} -y 444 {input.png} {output.avif}",
        "avifdec --jobs 1 {input.avif} {output.png}",
        {"step": [50, 5]},
    ),
    "jxl": (
        "cjxl --num_threads=0 -d {distance} {input.png} {output.jxl}",
        "djxl --num_threads=0 {input.jxl} {output.png}",
        {"distance": [6, 0.5]},
    ),
    "j2k": (
        "opj_compress -n 1 -I -r {ratio} -i {input.ppm} -o {output.j2k}",
        "opj_decompress -i {input.j2k} -o {output.png}",
        {"ratio": [20, 4]},
    ),
}


@pytest.mark.parametrize("name", REAL)
def test_programs_of_debian_are_codecs(name):
    encode, decode, points = REAL[name]
    missing = [line.split()[0] for line in (encode, decode) if not shutil.which(line.split()[0])]
    if missing:
        pytest.skip(f"needs {' and '.join(missing)}")
    ((parameter, values),) = points.items()
    image = smooth(64, 80)
    sizes, errors = [], []
    for value in values:
        codec = Command(encode=encode, decode=decode, **{parameter: value})
        bitstream = codec.encode(image)
        sizes.append(len(bitstream))
        errors.append(np.square(codec.decode(bitstream).astype(float) - image).mean())
    assert sizes == sorted(sizes)
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 65
