"""Starting values of every role: level, position, equaliser, compressor and send.

Ranges are those that mixing handbooks and surveys of practice give for tracks of equal loudness. What a track gets lies
between nothing and the far end of a range.
"""

from dataclasses import dataclass, field, replace

from fxnorm.corpus.roles import ROLES

Range = tuple[float, float]


@dataclass(frozen=True)
class BandRule:
    """Band of an equaliser: where, and how much at most.

    Attributes
    ----------
    kind : {"low_shelf", "peak", "high_shelf"}
    range_hz : (float, float)
        Where the frequency is sought.
    most_db : float
        Gain if the track needs it fully; its sign says whether the band boosts or cuts.
    """

    kind: str
    range_hz: Range
    most_db: float


@dataclass(frozen=True)
class CompressorRule:
    """Compressor: lowest threshold at the working level, ratio, times, most makeup gain."""

    threshold_db: float
    ratio: float
    attack_ms: float
    release_ms: float
    makeup_db: float


@dataclass(frozen=True)
class RoleRule:
    """Rules of a role.

    Attributes
    ----------
    fader_db : float
        Level among tracks of equal loudness: the share of a role within its group.
    width : float
        Furthest position from the middle.
    bands : tuple of BandRule
    compressor : CompressorRule
    tilt_db : float
        Slope of a balanced track in dB per octave of third-octave levels.
    span_hz : (float, float)
        Where the slope holds.
    dynamics_db : float
        What needs no compressor: for a percussive role the peak above the loudness, otherwise the range of the
        momentary loudness.
    is_percussive : bool
    high_pass_hz : float
        Corner below which nothing of the instrument is; 0 for none.
    send_db : float or None
        Level sent to the reverb; None for none.
    decorrelation : float
        Width given to a mono track that is alone in its group; 0 for none.
    """

    fader_db: float
    width: float
    bands: tuple[BandRule, ...]
    compressor: CompressorRule
    tilt_db: float
    span_hz: Range
    dynamics_db: float
    is_percussive: bool = False
    high_pass_hz: float = 0.0
    send_db: float | None = None
    decorrelation: float = field(default=0.0)


def _low(low_hz: float, high_hz: float, most_db: float) -> BandRule:
    return BandRule("low_shelf", (low_hz, high_hz), most_db)


def _peak(low_hz: float, high_hz: float, most_db: float) -> BandRule:
    return BandRule("peak", (low_hz, high_hz), most_db)


def _high(low_hz: float, high_hz: float, most_db: float) -> BandRule:
    return BandRule("high_shelf", (low_hz, high_hz), most_db)


DRUM_BANDS = (_low(50, 150, -4), _peak(150, 500, 4), _peak(2000, 8000, -2))
# A whole kit has the kick in its lows and the cymbals in its highs: what is too much lies between.
KIT_BANDS = (_low(50, 150, 2), _peak(300, 600, -3), _peak(3000, 6000, 2), _high(8000, 12_000, 2))
CYMBAL_BANDS = (_low(150, 300, -6), _peak(150, 800, -5), _peak(12_000, 16_000, 2))
VOCAL_BANDS = (_low(100, 200, -5), _peak(2000, 3000, 1.5), _peak(8000, 10_000, 2), _high(10_000, 12_000, -3))
KEY_BANDS = (_low(70, 150, -8), _peak(2000, 4000, 3.5), _peak(8000, 10_000, -4))
WIND_BANDS = (_low(80, 150, -3), _peak(150, 1000, 4), _peak(2000, 4000, -3))

VOCALS = RoleRule(
    fader_db=-7.5, width=0.0, bands=VOCAL_BANDS, compressor=CompressorRule(-24, 2.5, 15, 100, 4), tilt_db=-2.5,
    span_hz=(150, 10_000), dynamics_db=6, high_pass_hz=80, send_db=-14,
)  # fmt: skip
GUITARS = RoleRule(
    fader_db=-10, width=0.4, bands=(_low(50, 150, -3), _peak(900, 1500, -1.5), _peak(2000, 3500, 3.5),
    _peak(8000, 12_000, -3)), compressor=CompressorRule(-28, 3, 30, 100, 4), tilt_db=-3, span_hz=(100, 8000),
    dynamics_db=6, send_db=-18, decorrelation=0.3,
)  # fmt: skip
KIT = RoleRule(
    fader_db=-10.5, width=0.0, bands=KIT_BANDS, compressor=CompressorRule(-26, 3, 25, 100, 5), tilt_db=-1,
    span_hz=(60, 10_000), dynamics_db=14, is_percussive=True, send_db=-20,
)  # fmt: skip
CYMBALS = replace(
    KIT, fader_db=-11.5, width=0.7, bands=CYMBAL_BANDS, compressor=CompressorRule(-26, 2, 25, 100, 5), tilt_db=1,
    span_hz=(300, 14_000), dynamics_db=16, high_pass_hz=300, send_db=None,
)  # fmt: skip
KEYS = RoleRule(
    fader_db=-11.5, width=0.4, bands=KEY_BANDS, compressor=CompressorRule(-26, 3, 20, 60, 4), tilt_db=-3.5,
    span_hz=(100, 8000), dynamics_db=7, send_db=-18, decorrelation=0.3,
)  # fmt: skip
WINDS = RoleRule(
    fader_db=-12, width=0.7, bands=WIND_BANDS, compressor=CompressorRule(-24, 3, 30, 60, 4), tilt_db=-2.5,
    span_hz=(150, 8000), dynamics_db=7, send_db=-15,
)  # fmt: skip

RULES: dict[str, RoleRule] = {
    "kick": replace(
        KIT, fader_db=-12, bands=(_low(50, 200, 3), _peak(150, 500, -3), _high(6000, 10_000, -6)), tilt_db=-5,
        compressor=CompressorRule(-28, 4, 30, 100, 5), span_hz=(50, 8000), dynamics_db=12, high_pass_hz=30,
        send_db=None,
    ),
    "snare": replace(KIT, bands=DRUM_BANDS, compressor=CompressorRule(-28, 4, 25, 60, 5), tilt_db=-1,
                     span_hz=(150, 10_000), high_pass_hz=100, send_db=-16),
    "toms": replace(KIT, bands=DRUM_BANDS, width=0.4, tilt_db=-4, span_hz=(80, 8000), send_db=-16),
    "kit": KIT,
    "hats": CYMBALS,
    "overheads": replace(CYMBALS, high_pass_hz=0.0),
    "percussion": replace(
        CYMBALS, fader_db=-14, width=0.9, bands=(_low(150, 300, -8), _peak(150, 800, -5), _peak(2000, 4000, -4)),
        compressor=CompressorRule(-26, 2, 3, 50, 2), tilt_db=0, span_hz=(200, 12_000), high_pass_hz=0.0, send_db=-18,
    ),
    "bass": RoleRule(
        fader_db=-10, width=0.0, bands=(_low(50, 150, -3), _peak(80, 500, 4), _peak(2000, 3500, 3.5)), tilt_db=-5,
        compressor=CompressorRule(-28, 3, 30, 150, 4), span_hz=(50, 4000), dynamics_db=4, high_pass_hz=30,
    ),
    "lead_vocal": VOCALS,
    "backing_vocals": replace(VOCALS, fader_db=-9.5, width=0.7, send_db=-12, high_pass_hz=100,
                              bands=tuple(replace(band, most_db=0.6 * band.most_db) for band in VOCAL_BANDS)),
    "guitars": GUITARS,
    "keys": KEYS,
    "synth": replace(KEYS, tilt_db=-3),
    "strings": replace(WINDS, fader_db=-11.5, bands=(_peak(900, 1500, 2), _peak(2000, 3500, 1)), tilt_db=-3,
                       dynamics_db=9, send_db=-12, decorrelation=0.3),
    "brass": WINDS,
    "winds": WINDS,
    "other": replace(GUITARS, fader_db=-11, bands=(_low(50, 150, -3), _peak(200, 500, -3), _peak(2000, 3500, 2)),
                     tilt_db=-3),
}  # fmt: skip

# Loudness of groups against the mix and its deviation over professional mixes, in LU (B. De Man et al., "An analysis
# and evaluation of audio features for multitrack music mixtures", 2014). A kit is all drums that have no track.
LEAD, BASS, KICK, SNARE, DRUMS = "lead_vocal", "bass", "kick", "snare", "drums"
MEASURED_LU = {LEAD: (-2.7, 1.6), BASS: (-9.5, 3.5), KICK: (-13.2, 4.1), SNARE: (-16.8, 6.2), DRUMS: (-12.7, 5.5)}
DRUM_ROLES = tuple(ROLES["drums"])
OTHER_DRUMS = tuple(role for role in DRUM_ROLES if role not in (KICK, SNARE))
ACCOMPANIMENT = tuple(role for role in RULES if role not in (*DRUM_ROLES, BASS, LEAD))
