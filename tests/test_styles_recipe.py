"""Styles in YAML: what is read, blended and refused."""

import math

import pytest

from fxnorm.errors import InputError
from fxnorm.recipe.styles import find_style, read_styles, shipped_styles, write_styles

STYLE = "mine:\n  loudness_lufs: -12\n  centroid_hz: 2000\n  mid_share: 0.8\n"


def test_the_shipped_styles() -> None:
    table = {
        name: (style.loudness_lufs, style.centroid_hz, style.mid_share) for name, style in shipped_styles().items()
    }
    assert table == {
        "rock_punk": (-9.5, 2800.0, 0.6),
        "rnb_ballad": (-12.0, 1800.0, 0.8),
        "country_pop": (-10.5, 2200.0, 0.7),
    }


def test_a_blend_lies_between_its_styles() -> None:
    name, style = find_style("rock_punk:0.6,rnb_ballad:0.4")
    assert name == "rock_punk 60 %, rnb_ballad 40 %"
    assert style.loudness_lufs == pytest.approx(0.6 * -9.5 + 0.4 * -12.0)
    assert style.centroid_hz == pytest.approx(math.exp(0.6 * math.log(2800.0) + 0.4 * math.log(1800.0)))
    assert style.mid_share == pytest.approx(0.68)
    assert find_style("rock_punk:3, rnb_ballad:2")[1] == style
    assert find_style("rock_punk:1")[1].centroid_hz == pytest.approx(2800.0)


def test_styles_are_written_and_read_back(tmp_path) -> None:
    path = tmp_path / "my.yaml"
    styles = shipped_styles()
    write_styles(path, styles)
    assert read_styles(path) == styles
    assert find_style(f"{path}#rnb_ballad") == ("rnb_ballad", styles["rnb_ballad"])
    assert find_style(f"{path}#rnb_ballad:1,rock_punk:1")[1] == find_style("rnb_ballad:1,rock_punk:1")[1]
    with pytest.raises(InputError, match="expected one style, got rock_punk, rnb_ballad, country_pop"):
        find_style(str(path))
    path.write_text(STYLE, encoding="utf-8")
    assert find_style(str(path))[0] == "mine"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rock_pank", "got 'rock_pank'; did you mean 'rock_punk'"),
        ("rock_punk:0.5,rnb_ballat:0.5", "did you mean 'rnb_ballad'"),
        ("rock_punk:-1,rnb_ballad:1", "expected a weight above 0, got '-1'"),
        ("rock_punk:much,rnb_ballad", "expected a weight above 0, got 'much'"),
        ("nowhere.yaml", "nowhere.yaml: cannot be read"),
    ],
)
def test_wrong_names_are_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        find_style(text)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("centroid_hz", "centroid_khz"), "mine: unknown key 'centroid_khz'; did you mean 'centroid_hz'"),
        (("  mid_share: 0.8\n", ""), "mid_share: expected a value, got none"),
        (("0.8", "1.8"), "mid_share: expected less than or equal to 1, got 1.8"),
        (("-12", "-2"), "loudness_lufs: expected less than or equal to -5, got -2"),
        (("mine:\n", "mine: 3\nother:\n"), "mine: expected keys such as loudness_lufs, got 3"),
        (("0.8", "0.8\n  frequency_balance: {low: 0.5, mid: 0.2, high: 0.1}"), "add up to 1, got 0.8"),
        (("0.8", "0.8\n  frequency_balance: {low: 0.5, mid: 0.4, hi: 0.1}"), "did you mean 'high'"),
        ((STYLE, "{}"), "expected styles by name, got none"),
    ],
)
def test_wrong_styles_are_refused(tmp_path, change: tuple[str, str], message: str) -> None:
    path = tmp_path / "my.yaml"
    path.write_text(STYLE.replace(*change), encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_styles(path)
