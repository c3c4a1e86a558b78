"""The four stems, in the order that files, tables and network channels use."""

import difflib

from fxnorm.errors import InputError

STEMS = ("vocals", "bass", "drums", "other")


def require_stem(name: str) -> str:
    """Return `name` if it is a stem; otherwise raise `InputError` naming the nearest one."""
    if name in STEMS:
        return name
    nearest = difflib.get_close_matches(name.lower(), STEMS, n=1)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
    raise InputError(f"unknown stem {name!r}: expected one of {', '.join(STEMS)}{hint}")
