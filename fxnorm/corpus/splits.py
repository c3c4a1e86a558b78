"""The split that a song belongs to."""

from pathlib import PurePosixPath

from fxnorm.choices import SPLITS

# The songs of MUSDB18's train/ that its authors set aside for validation.
VALIDATION_SONGS = frozenset(
    {
        "ANiMAL - Rockshow",
        "Actions - One Minute Smile",
        "Alexander Ross - Goodbye Bolero",
        "Clara Berry And Wooldog - Waltz For My Victims",
        "Fergessen - Nos Palpitants",
        "James May - On The Line",
        "Johnny Lokke - Promises & Lies",
        "Leaf - Summerghost",
        "Meaxic - Take A Step",
        "Patrick Talbot - A Reason To Leave",
        "Skelpolu - Human Mistakes",
        "Traffic Experiment - Sirens",
        "Triviul - Angelsaint",
        "Young Griffo - Pennies",
    }
)


def split_of(location: PurePosixPath) -> str | None:
    """Return the split of a song: the nearest folder above it that is named after one."""
    splits = [name.lower() for name in location.parts[:-1] if name.lower() in SPLITS]
    if not splits:
        return None
    return "valid" if splits[-1] == "train" and location.name in VALIDATION_SONGS else splits[-1]
