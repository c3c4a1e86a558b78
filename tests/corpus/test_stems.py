"""The names of the stems."""

import pytest

from fxnorm.corpus.stems import STEMS, require_stem
from fxnorm.errors import InputError


@pytest.mark.parametrize("stem", STEMS)
def test_a_stem_is_a_stem(stem: str) -> None:
    assert require_stem(stem) == stem


@pytest.mark.parametrize(
    ("name", "nearest"), [("vocal", "vocals"), ("Drum", "drums"), ("BASS", "bass"), ("others", "other")]
)
def test_the_nearest_stem_is_named(name: str, nearest: str) -> None:
    with pytest.raises(
        InputError,
        match=rf"unknown stem '{name}': expected one of vocals, bass, drums, other; did you mean '{nearest}'\?",
    ):
        require_stem(name)


def test_a_name_near_to_nothing_gets_no_hint() -> None:
    with pytest.raises(InputError, match=r"other$"):
        require_stem("xylophone")
