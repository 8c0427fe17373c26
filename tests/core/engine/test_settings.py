from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from core.engine.settings import SettingsError, fields, fill, setting


@dataclass(frozen=True)
class Settings:
    address: str
    tries: int = setting(5, minimum=1, maximum=20, help="How often somebody may be wrong.", editable=True)
    ratio: float = 0.5
    loud: bool = False
    key: str = setting("", secret=True, minimum=0, maximum=10)
    policy: Literal["open", "closed"] = "open"
    names: list[str] = field(default_factory=list)
    colours: tuple[Literal["red", "green"], ...] = ()
    limit: int | None = None
    extra: dict[str, Any] = field(default_factory=dict)


def test_the_declared_type_decides_how_text_is_read():
    text = {
        "address": "7",
        "tries": "7",
        "ratio": "0.25",
        "loud": "yes",
        "policy": "closed",
        "names": "a, b\nc",
        "colours": "red,green",
        "limit": "",
    }
    assert fill(Settings, text) == Settings(
        "7", 7, 0.25, True, "", "closed", ["a", "b", "c"], ("red", "green"), None
    )


def test_what_toml_read_already_is_taken_as_it_is():
    raw = {"address": "x", "tries": 3, "loud": True, "names": ["a,b"], "limit": 4, "extra": {"a": 1}}
    assert fill(Settings, raw) == Settings("x", 3, loud=True, names=["a,b"], limit=4, extra={"a": 1})


def test_every_mistake_is_told_at_once():
    with pytest.raises(SettingsError) as error:
        fill(Settings, {"tris": 1, "tries": "many", "policy": "opn", "colours": ["blue"]})
    assert error.value.mistakes == {
        "tris": "unknown setting 'tris', did you mean 'tries'?",
        "address": "'address' is required",
        "tries": "'tries' must be a whole number, not 'many'",
        "policy": "'policy' must be one of open, closed, not 'opn'",
        "colours": "'colours' must be a list in which each is one of red, green, not ['blue']",
    }
    assert all(sentence in str(error.value) for sentence in error.value.mistakes.values())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tries", 0),
        ("tries", "21"),
        ("tries", True),
        ("tries", 1.5),
        ("tries", "9" * 5000),
        ("ratio", "nan"),
        ("ratio", True),
        ("loud", "maybe"),
        ("loud", 1),
        ("address", 5),
        ("address", "a\0b"),
        ("address", None),
        ("names", 5),
        ("names", [5]),
        ("extra", "x"),
        ("limit", "x"),
    ],
)
def test_a_wrong_value_is_refused_by_name(name, value):
    with pytest.raises(SettingsError, match=f"'{name}' must be"):
        fill(Settings, {"address": "x", name: value})


def test_a_secret_is_never_shown_in_a_message():
    with pytest.raises(SettingsError) as error:
        fill(Settings, {"address": "x", "key": "hunter2hunter2"})
    assert str(error.value) == "'key' must be 10 characters or less"


def test_a_huge_wrong_value_is_cut_in_the_message():
    with pytest.raises(SettingsError) as error:
        fill(Settings, {"address": "x", "tries": "x" * 10_000})
    assert len(str(error.value)) < 200


def test_what_the_class_itself_refuses_is_a_mistake_too():
    @dataclass(frozen=True)
    class Picky:
        low: int = 1
        high: int = 2

        def __post_init__(self) -> None:
            if self.low > self.high:
                raise ValueError("'low' must not be above 'high'")

    with pytest.raises(SettingsError, match="must not be above"):
        fill(Picky, {"low": 3})


def test_forms_learn_everything_from_the_class():
    known = fields(Settings)
    assert list(known) == [
        "address", "tries", "ratio", "loud", "key", "policy", "names", "colours", "limit", "extra",
    ]  # fmt: skip
    assert [f.kind for f in known.values()] == [
        "text", "number", "decimal", "switch", "secret", "choice", "list", "choices", "number", "table",
    ]  # fmt: skip
    tries = known["tries"]
    assert (tries.label, tries.minimum, tries.maximum, tries.default) == ("Tries", 1, 20, 5)
    assert tries.editable
    assert not tries.required
    assert known["address"].required
    assert known["colours"].choices == ("red", "green")


def test_a_secret_cannot_be_editable():
    with pytest.raises(TypeError, match="secret"):
        setting("", secret=True, editable=True)
