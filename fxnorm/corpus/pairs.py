"""Pairs of files for the left and the right channel of one track, recognised by their names."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

_PARTNERS = {"l": "r", "left": "right"}
_DELIMITED = re.compile(r"(?<![^\W\d_])(left|right|l|r)(?![^\W\d_])", re.IGNORECASE)
_GLUED = re.compile(r"(left|right|l|r)$", re.IGNORECASE)  # OHL, OverheadsLeft
_NUMBER = re.compile(r"^\d+[\s_.-]*")
_EDGES = " _.-()[]"

Claim = tuple[str, str, str]  # name with a mark for the side, side, name without the side


def find_pairs(names: Iterable[str]) -> dict[tuple[str, str], str]:
    """Find names that differ in their side only: "OH L" and "OH R", "ElecGtr_L" and "ElecGtr_R".

    The number of a track at the start of a file name may differ: "07 OH L" and "08 OH R". A name that fits several
    others stays alone.

    Parameters
    ----------
    names : iterable of str
        Paths in the folder of a song, without the format.

    Returns
    -------
    dict of (str, str) to str
        Name of the pair, which lacks the side, by its left and right names.
    """
    listed = list(names)
    pairs: dict[tuple[str, str], str] = {}
    for simplify in (_as_written, _without_number):
        paired = {name for pair in pairs for name in pair}
        pairs |= _match([name for name in listed if name not in paired], simplify)
    counts = Counter([*pairs.values(), *listed])
    return {pair: name if name and counts[name] == 1 else _both(pair[0]) for pair, name in pairs.items()}


def _match(names: Sequence[str], simplify: Callable[[str], str]) -> dict[tuple[str, str], str]:
    claims: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for name in names:
        if claim := _side(simplify(name)):
            marked, side, bare = claim
            claims.setdefault((marked, side), []).append((name, bare))
    pairs = {}
    for (marked, side), left in claims.items():
        right = claims.get((marked, _PARTNERS.get(side, "")), [])
        if len(left) == len(right) == 1:
            pairs[left[0][0], right[0][0]] = left[0][1]
    return pairs


def _side(name: str) -> Claim | None:
    """Find the side in a name; None if there is none, or several."""
    folder, slash, base = name.rpartition("/")
    matches = list(_DELIMITED.finditer(base))
    match = matches[0] if len(matches) == 1 else _GLUED.search(base)
    if match is None or len(matches) > 1:
        return None
    before, after = base[: match.start()], base[match.end() :]
    joined = " ".join(filter(None, (before.strip(_EDGES), after.strip(_EDGES))))
    marked = f"{folder}{slash}{before}\0{after}".lower()
    return marked, match.group().lower(), f"{folder}{slash}{joined}" if joined else ""


def _both(left: str) -> str:
    """Name a pair whose bare name is taken, or empty: "OH L" becomes "OH L+R"."""
    folder, slash, base = left.rpartition("/")
    match = next(iter(_DELIMITED.finditer(base)), None) or _GLUED.search(base)
    if match is None:
        return left
    other: Mapping[str, str] = _PARTNERS
    right = other[match.group().lower()]
    right = right.upper() if match.group().isupper() else right.capitalize() if match.group().istitle() else right
    return f"{folder}{slash}{base[: match.end()]}+{right}{base[match.end() :]}"


def _as_written(name: str) -> str:
    return name


def _without_number(name: str) -> str:
    folder, slash, base = name.rpartition("/")
    return f"{folder}{slash}{_NUMBER.sub('', base)}"
