"""What the programs share: exit codes and one line for people."""

import importlib
import warnings

import pytest

from engine.support.command_line import run_program


def _raise(error: BaseException) -> int:
    raise error


@pytest.mark.parametrize(
    ("error", "code"), [(ValueError("x: bad\nvalue"), 2), (OSError("x: bad value"), 1), (KeyboardInterrupt(), 130)]
)
def test_an_error_is_one_line_and_an_exit_code(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_program("prog", lambda: _raise(error)) == code
    printed = capsys.readouterr()
    assert printed.err in {"prog: x: bad value\n", "prog: interrupted\n"}
    assert printed.out == ""


def test_a_warning_is_one_line_too(capsys: pytest.CaptureFixture[str]) -> None:
    def program() -> int:
        warnings.warn("mind the gates", stacklevel=1)
        return 0

    assert run_program("prog", program) == 0
    assert capsys.readouterr().err == "prog: warning: mind the gates\n"


@pytest.mark.parametrize("program", ["engine.train", "engine.predict", "export.__main__", "bench.onnx", "bench.cuda"])
def test_every_program_names_a_wrong_argument_in_one_line(program: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        importlib.import_module(program).main(["--no-such-argument"])
    assert stopped.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1
