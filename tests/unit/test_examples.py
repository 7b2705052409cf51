"""Every example says how it is run, and a test runs it."""

from __future__ import annotations

from pathlib import Path

import pytest

from walkthrough import EXAMPLES, commands_of

#: `container` asks for a container engine; tests/platform holds it against its image and its manifests.
NAMES = sorted(folder.name for folder in EXAMPLES.iterdir() if folder.is_dir() and folder.name != "container")


@pytest.mark.parametrize("name", NAMES)
def test_an_example_has_commands_a_kill_and_a_test_that_runs_them(name: str) -> None:
    commands = commands_of(EXAMPLES / name / "README.md")
    assert any(command.startswith("dramatiq ") for command in commands)
    assert any(command.startswith("kill -9 ") for command in commands)
    test = Path(__file__).parents[1] / "examples" / f"test_{name}.py"
    assert f'walk("{name}"' in test.read_text()
    assert "tour.finish()" in test.read_text()
    assert f"({name})" in (EXAMPLES / "README.md").read_text()
