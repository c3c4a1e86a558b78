"""Engineer of multitrack songs: draws a console for the tracks of a session and sets its gains by measured loudness."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Self

import numpy as np

from fxnorm.audio import SAMPLE_RATE, Audio, is_silent, peak
from fxnorm.console.document import MASTER, Bus, Console, Master, Send, TrackStrip
from fxnorm.console.processor import Processor, Samples
from fxnorm.console.processors import Gain, Limiter, Pan, Reverb
from fxnorm.console.render import render
from fxnorm.console.stems import add_up, divide
from fxnorm.corpus.roles import ROLES
from fxnorm.corpus.stems import STEMS
from fxnorm.synth import priors, role_priors
from fxnorm.synth.chains import in_range
from fxnorm.synth.engineer import loudness_db
from fxnorm.synth.engineers import FAMILIES, MixStyle
from fxnorm.synth.priors import STEM_PRIORS
from fxnorm.synth.seeding import SeedBranch, SeedTree, bernoulli
from fxnorm.synth.strips import (
    StripSettings,
    draw_bus_compressor,
    draw_eq,
    draw_reverb_bus,
    draw_strip,
    share_levels_db,
)
from fxnorm.synth.track_list import SessionTrack
from fxnorm.units import amplitude_to_db

GROUP_BUSES = {"drums": "Drum Bus", "vocals": "Vocal Bus"}
SHORT_REVERB, LONG_REVERB = "Short Reverb", "Long Reverb"
REVERB_OF_STEM = {"drums": SHORT_REVERB, "bass": SHORT_REVERB, "vocals": LONG_REVERB, "other": LONG_REVERB}
REVERB_PRIORS = {SHORT_REVERB: STEM_PRIORS["drums"].reverb, LONG_REVERB: STEM_PRIORS["vocals"].reverb}
_ROLE_NUMBER = {role: number for number, role in enumerate((role for roles in ROLES.values() for role in roles), 1)}
_LEAVES = 100  # of the branches of a family in the seed tree


@dataclass(frozen=True)
class MultitrackMix:
    """Mixture, its stems, and the console that renders it from the tracks.

    Attributes
    ----------
    mixture : ndarray, shape (2, samples), float32
    wet : dict of str to ndarray, shape (2, samples), float32
        Stems in the order of `STEMS`, which add up to the mixture (`fxnorm.console.stems.divide`).
    console : Console
        Its notes hold the family and the style of the engineer.
    """

    mixture: Audio
    wet: dict[str, Audio]
    console: Console


@dataclass(frozen=True)
class MultitrackEngineer:
    """Style of a song, the settings of every track, and what is drawn for buses and master.

    Attributes
    ----------
    family : str
        Key of `engineers.FAMILIES`.
    style : MixStyle
    tracks : tuple of SessionTrack
    strips : dict of str to StripSettings
        By the name of the track.
    stem_levels_db : dict of str to float
        Loudness of the stems in the mix.
    reverbs : dict of str to Reverb
        By the name of the bus.
    seeds : SeedTree
        Buses and master, whose thresholds follow measured levels, are drawn while mixing.
    """

    family: str
    style: MixStyle
    tracks: tuple[SessionTrack, ...]
    strips: dict[str, StripSettings]
    stem_levels_db: dict[str, float]
    reverbs: dict[str, Reverb]
    seeds: SeedTree

    @classmethod
    def draw(cls, seeds: SeedTree, tracks: Sequence[SessionTrack], family: str = "balanced") -> Self:
        """Draw an engineer of a family for the tracks of a session.

        Parameters
        ----------
        seeds : SeedTree
            Of the song; the engineer draws from branches that the recording does not use.
        tracks : sequence of SessionTrack
        family : str
            Key of `engineers.FAMILIES`.
        """
        habits = FAMILIES[family]
        rng = seeds.generator(SeedBranch.CONSOLE, _LEAVES * habits.number)
        style = habits.draw_style(rng)
        stem_levels_db = {stem: habits.draw_stem_level_db(rng, stem) for stem in STEMS}
        reverbs = {bus: draw_reverb_bus(rng, prior, style) for bus, prior in REVERB_PRIORS.items()}
        strips: dict[str, StripSettings] = {}
        for role in dict.fromkeys(track.role for track in tracks):
            rng = seeds.generator(SeedBranch.CONSOLE, _LEAVES * habits.number + _ROLE_NUMBER[role])
            pairs: dict[str, StripSettings] = {}  # both tracks of a pair are treated alike
            for track in tracks:
                if track.role == role:
                    if track.part not in pairs:
                        is_stereo = track.channels == 2
                        pairs[track.part] = draw_strip(rng, role_priors.ROLE_PRIORS[role], style, is_stereo=is_stereo)
                    strips[track.name] = pairs[track.part]
        return cls(family, style, tuple(tracks), strips, stem_levels_db, reverbs, seeds)

    def mix(self, dry: Mapping[str, Audio]) -> MultitrackMix:
        """Process dry tracks, balance them and mix them.

        Parameters
        ----------
        dry : mapping of str to ndarray, shape (channels, samples), float32
            Tracks of equal length at `SAMPLE_RATE`, by name. A silent track stays silent.

        Returns
        -------
        MultitrackMix
            No peak of mixture or stems exceeds `priors.MIX_PEAK_DB`.
        """
        strips = {track.name: self._strip(track, dry[track.name]) for track in self.tracks}
        processed = render(Console(tracks=tuple(strips.values())), dry, SAMPLE_RATE).tracks
        faders_db = self._faders_db(processed)
        tracks = tuple(self._route(track, strips[track.name], faders_db[track.name]) for track in self.tracks)
        # What a strip does before its fader need not be rendered again.
        bare = tuple(replace(track, processors=()) for track in tracks)
        buses = self._buses(bare, processed)
        console = Console(tracks=bare, buses=buses, master=self._master())
        rendering = render(console, processed, SAMPLE_RATE)
        wet = divide(console, rendering, SAMPLE_RATE)
        mixture = rendering.mix
        if limiter := self._limiter(mixture):
            gain = limiter.gain_curve(mixture, SAMPLE_RATE)
            mixture, wet = mixture * gain, {stem: part * gain for stem, part in wet.items()}
        fader = Gain(_fader_db([mixture, *wet.values()]))
        silence = np.zeros_like(mixture)
        master = Master((*console.master.processors, *([limiter] if limiter else [])), fader.gain_db)
        notes = {"engineer": self.family, "style": asdict(self.style)}
        return MultitrackMix(
            mixture=fader.process(mixture, SAMPLE_RATE),
            wet={stem: fader.process(wet.get(stem, silence), SAMPLE_RATE) for stem in STEMS},
            console=replace(console, tracks=tracks, master=master, notes=notes),
        )

    def _strip(self, track: SessionTrack, dry: Audio) -> TrackStrip:
        """Return a strip whose first gain undoes that of the recording."""
        processors: tuple[Processor, ...] = ()
        if not is_silent(dry):
            trim_db = priors.WORKING_LEVEL_DB - loudness_db(dry, SAMPLE_RATE)
            trim = Gain(in_range(Gain, "gain_db", trim_db, 1))
            processors = (trim, *self.strips[track.name].processors)
        return TrackStrip(track.name, processors, role=track.role, stem=track.stem)

    def _faders_db(self, processed: Mapping[str, Samples]) -> dict[str, float]:
        """Return the faders that balance tracks within stems and stems within the mix, at the working level."""
        sounding = [track for track in self.tracks if not is_silent(processed[track.name])]
        levels_db = share_levels_db(
            {track.name: self.strips[track.name].level_db for track in sounding},
            {track.name: track.source for track in sounding},
        )
        faders_db = {
            name: priors.WORKING_LEVEL_DB + level_db - loudness_db(processed[name], SAMPLE_RATE)
            for name, level_db in levels_db.items()
        }
        stems: dict[str, Samples] = {}
        for stem in STEMS:
            members = [track for track in sounding if track.stem == stem]
            if members:
                whole = add_up(self._place(track, processed[track.name], faders_db[track.name]) for track in members)
                offset_db = priors.WORKING_LEVEL_DB + self.stem_levels_db[stem] - loudness_db(whole, SAMPLE_RATE)
                stems[stem] = Gain(_limited(offset_db)).process(whole, SAMPLE_RATE)
                faders_db |= {track.name: faders_db[track.name] + offset_db for track in members}
        if not stems:
            return dict.fromkeys(processed, 0.0)
        common_db = priors.WORKING_LEVEL_DB - loudness_db(add_up(stems.values()), SAMPLE_RATE)
        return {name: _limited(faders_db[name] + common_db) if name in faders_db else 0.0 for name in processed}

    def _place(self, track: SessionTrack, audio: Samples, fader_db: float) -> Samples:
        """Apply fader and pan."""
        return Pan(self._pan(track)).process(Gain(_limited(fader_db)).process(audio, SAMPLE_RATE), SAMPLE_RATE)

    def _pan(self, track: SessionTrack) -> float:
        return track.side * self.strips[track.name].pan if track.channels == 1 else 0.0

    def _route(self, track: SessionTrack, strip: TrackStrip, fader_db: float) -> TrackStrip:
        send_db = self.strips[track.name].send_db
        sends = () if send_db is None else (Send(REVERB_OF_STEM[track.stem], in_range(Send, "level_db", send_db, 1)),)
        output = GROUP_BUSES[track.stem] if self._has_group(track.stem) else MASTER
        return replace(strip, fader_db=fader_db, pan=self._pan(track), output=output, sends=sends)

    def _has_group(self, stem: str) -> bool:
        prior = role_priors.BUS_COMPRESSORS.get(stem)
        return prior is not None and bernoulli(self._generator(stem), prior.probability)

    def _buses(self, tracks: Sequence[TrackStrip], processed: Mapping[str, Samples]) -> tuple[Bus, ...]:
        buses = []
        for stem, name in GROUP_BUSES.items():
            members = [track for track in tracks if track.output == name]
            if members:
                fed = render(Console(tracks=tuple(replace(track, output=MASTER, sends=()) for track in members)),
                             {track.name: processed[track.name] for track in members}, SAMPLE_RATE).mix  # fmt: skip
                rng = self._generator(stem, 1)
                prior = role_priors.BUS_COMPRESSORS[stem]
                level_db = loudness_db(fed, SAMPLE_RATE)
                buses.append(Bus(name, (draw_bus_compressor(rng, prior, self.style, level_db),)))
        used = {send.bus for track in tracks for send in track.sends}
        return (*buses, *(Bus(name, (reverb,)) for name, reverb in self.reverbs.items() if name in used))

    def _master(self) -> Master:
        rng = self._generator("master")
        processors: list[Processor] = [draw_eq(rng, role_priors.MASTER_EQ, self.style)]
        prior = role_priors.MASTER_COMPRESSOR
        if bernoulli(rng, prior.probability):
            processors.append(draw_bus_compressor(rng, prior, self.style, priors.WORKING_LEVEL_DB))
        return Master(tuple(processors))

    def _limiter(self, mixture: Samples) -> Limiter | None:
        """Return the limiter of the master; the drawn gain counts from the peak of the mix."""
        limiter = FAMILIES[self.family].draw_limiter(self._generator("master", 1))
        if limiter is None or is_silent(mixture):
            return None
        gain_db = limiter.gain_db - float(amplitude_to_db(peak(mixture)))
        return replace(limiter, gain_db=in_range(Limiter, "gain_db", gain_db, 1))

    def _generator(self, name: str, number: int = 0) -> np.random.Generator:
        """Return the generator of a bus or the master."""
        leaf = _LEAVES - 1 - 2 * (*GROUP_BUSES, "master").index(name) - number
        return self.seeds.generator(SeedBranch.CONSOLE, _LEAVES * FAMILIES[self.family].number + leaf)


def _limited(fader_db: float) -> float:
    return in_range(TrackStrip, "fader_db", fader_db, 2)


def _fader_db(outputs: Iterable[Samples]) -> float:
    """Return the fader that brings the highest peak to its limit, rounded down."""
    highest = max(peak(audio) for audio in outputs)
    if not highest:
        return 0.0
    return in_range(
        Master, "fader_db", math.floor(100.0 * (priors.MIX_PEAK_DB - float(amplitude_to_db(highest)))) / 100.0, 2
    )
