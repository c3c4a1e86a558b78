"""Invented song titles."""

from fxnorm.synth.seeding import SeedBranch, SeedTree

ADJECTIVES = (
    "Amber", "Borrowed", "Broken", "Copper", "Crooked", "Distant", "Early", "Electric", "Empty", "Faded", "Falling",
    "Golden", "Half", "Hidden", "Hollow", "Last", "Little", "Lonely", "Long", "Lost", "Midnight", "Northern", "Open",
    "Painted", "Paper", "Quiet", "Restless", "Second", "Secret", "Silver", "Slow", "Southern", "Stolen", "Sudden",
    "Tender", "Thin", "Velvet", "Violet", "Wild", "Winter",
)  # fmt: skip
NOUNS = (
    "Avenue", "Bell", "Bridge", "Candle", "Carousel", "Circle", "Compass", "Dancer", "Engine", "Ferry", "Field", "Fire",
    "Garden", "Harbour", "Highway", "Island", "Kite", "Lantern", "Letter", "Machine", "Meadow", "Mirror", "Moon",
    "Morning", "Ocean", "Orchard", "Parade", "Promise", "Radio", "River", "Satellite", "Season", "Shadow", "Signal",
    "Station", "Summer", "Thunder", "Tide", "Window", "Wire",
)  # fmt: skip


def draw_title(seeds: SeedTree) -> str:
    """Draw a title; the index in front makes it unique in a corpus and keeps the songs in order."""
    rng = seeds.generator(SeedBranch.TITLE)
    adjective, noun = (words[int(rng.integers(len(words)))] for words in (ADJECTIVES, NOUNS))
    return f"{seeds.index:04d} {adjective} {noun}"
