"""Fit the master of a console, and if need be its widths and pans, to targets of the finished mix.

The targets hold for the whole song behind the limiter; the fit hears excerpts before it. So rounds alternate: the whole
song is rendered and mastered, the excerpts are corrected by the difference, and the fit goes on.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from fxnorm.audio import Audio
from fxnorm.console.document import Console, Master
from fxnorm.console.processor import Processor
from fxnorm.console.processors import Compressor, Decorrelation, Eq, EqBand, Gain, Limiter, Saturation, Width
from fxnorm.console.render import render
from fxnorm.dsp import mix_features
from fxnorm.fitting import Excerpts, FitSettings, Frozen, Objective, Target, choose_excerpts, fit, freeze, select
from fxnorm.fitting.objectives import measure_whole, peak_to_loudness
from fxnorm.mixing.mastering import TOLERANCE_LU, MasteringResult, glue, master

Progress = Callable[[float, str], None]

DENSITY = "density"  # target that keeps the limiter within its budget
DENSITY_SLOPE = 1.5  # dB by which peaks have to fall for 1 LU that the limiter's budget left out
DENSITY_MARGIN_DB = 0.3
MONO_BELOW_HZ = 150.0
WIDTHS = (0.02, 1.98)
CLIP_START_DB = 1.0
LEAST_AMOUNT = 0.02  # of decorrelation; a fit starts here
WIDEST = 1.9  # a master width above this is at its end
CENTRED_ROLES = ("kick", "snare", "bass", "lead_vocal")
CENTRED_STEMS = ("bass", "vocals")
STYLE_BANDS = (
    EqBand("low_shelf", 120.0),
    EqBand("peak", 400.0, q=0.6),
    EqBand("peak", 1600.0, q=0.6),
    EqBand("high_shelf", 5000.0),
)
GROUP_BANDS = (EqBand("low_shelf", 200.0), EqBand("peak", 1500.0, q=0.6), EqBand("high_shelf", 5000.0))
REFERENCE_BANDS = (
    EqBand("low_shelf", 80.0),
    EqBand("peak", 160.0, q=1.0),
    EqBand("peak", 400.0, q=1.0),
    EqBand("peak", 1000.0, q=1.0),
    EqBand("peak", 2500.0, q=1.0),
    EqBand("peak", 5000.0, q=1.0),
    EqBand("high_shelf", 9000.0),
)


@dataclass(frozen=True)
class MatchSettings:
    """How a console is matched to targets.

    Attributes
    ----------
    loudness_lufs, ceiling_db, max_reduction_db
        As for `mastering.master`.
    bands : tuple of EqBand
        Equaliser put into the master where it has none like it.
    frees_bands : bool
        Fit frequencies and Q beside the gains.
    frees_stereo : bool
        Fit widths and pans of tracks where the width of the master is not enough.
    groups : bool
        Fit an equaliser on every bus that tracks are routed to.
    rounds : int
        At most.
    steps : int
        Of each round.
    prior : float
        As for `FitSettings`.
    accepted : float
        Largest error, in tolerances, that ends the rounds.
    seed : int
    time_limit_s : float
    jobs : int
        Threads.
    """

    loudness_lufs: float
    ceiling_db: float = -1.0
    max_reduction_db: float = 6.0
    bands: tuple[EqBand, ...] = STYLE_BANDS
    frees_bands: bool = False
    frees_stereo: bool = True
    groups: bool = True
    rounds: int = 4
    steps: int = 50
    prior: float = 0.1
    accepted: float = 0.7
    seed: int = 0
    time_limit_s: float = 60.0
    jobs: int = 2


@dataclass(frozen=True)
class Match:
    """A console that was fitted to targets.

    Attributes
    ----------
    console : Console
        Its master ends in a limiter.
    master : MasteringResult
        The mix, rendered through the whole console.
    before : ndarray, shape (2, samples), float32
        Mix of the console that was given.
    at_bounds : tuple of str
        Fitted parameters at an end of their range.
    seconds : float
    ran_out_of_time : bool
    """

    console: Console
    master: MasteringResult
    before: Audio
    at_bounds: tuple[str, ...]
    seconds: float
    ran_out_of_time: bool


def match(
    console: Console,
    tracks: Mapping[str, Audio],
    sample_rate: int,
    targets: Sequence[Target],
    settings: MatchSettings,
    *,
    progress: Progress | None = None,
) -> Match:
    """Fit a console to targets of its finished mix, as near to the start as they allow.

    Parameters
    ----------
    console : Console
        Start.
    tracks : mapping of str to ndarray, shape (channels, samples), float32
    sample_rate : int
        In Hz.
    targets : sequence of Target
        Apart from loudness, ceiling and reduction, which the settings give.
    settings : MatchSettings
    progress : callable, optional
        Called with the share that is done and what is being done.

    Returns
    -------
    Match

    Raises
    ------
    InputError
        If tracks are missing or silent, or a processor that has to be fitted has no gradient.
    """
    return _Matching(console, tracks, sample_rate, targets, settings, progress).run()


@dataclass
class _Attempt:
    console: Console
    master: MasteringResult
    whole: dict[str, torch.Tensor]
    worst: float
    loss: float

    @property
    def rank(self) -> tuple[float, float]:
        """Compare attempts: errors beyond tolerance first, then the loss."""
        return max(1.0, self.worst), self.loss


class _Matching:
    def __init__(
        self,
        console: Console,
        tracks: Mapping[str, Audio],
        sample_rate: int,
        targets: Sequence[Target],
        settings: MatchSettings,
        progress: Progress | None,
    ) -> None:
        self._began = time.monotonic()
        self._tracks, self._sample_rate, self._settings = tracks, sample_rate, settings
        self._progress = progress or (lambda share, label: None)
        self._density_db = settings.ceiling_db + settings.max_reduction_db - settings.loudness_lufs
        density = Target(DENSITY, peak_to_loudness, torch.tensor([self._density_db]), 0.5, weight=0.25, at_most=True)
        self._objective = Objective([*targets, density], sample_rate)
        self._progress(0.0, "render")
        self._before = render(console, tracks, sample_rate, jobs=settings.jobs).mix
        self._limiter, self._start, self._free = self._prepare(console)
        self._centre = dict(zip(self._start.parameters(), self._start.values(), strict=True))
        self._at_bounds: tuple[str, ...] = ()

    def run(self) -> Match:
        console, free = self._start, self._free
        frozen, excerpts, cut = self._freeze(console, free)
        best = attempt = self._attempt(frozen, console)
        settings = self._settings
        has_clipper = self._is_too_dynamic(attempt)
        if has_clipper:
            console, free = self._clip(console, free)
            best = attempt = replace(attempt, console=console)
        rounds = 0
        has_stereo = False
        while rounds < settings.rounds and attempt.worst > settings.accepted and not self._is_late():
            self._progress(min(0.9, (1 + rounds) / (2 + settings.rounds)), "fit")
            self._calibrate(attempt, cut, excerpts, frozen)
            result = fit(
                replace(frozen.console, master=attempt.console.master),
                cut,
                self._sample_rate,
                self._objective,
                free=free,
                lead=excerpts.lead,
                prior=self._centre,
                settings=self._fit_settings(),
            )
            console = _adopt(attempt.console, result.values)
            console = self._centre_the_bass(console, attempt)
            frozen = replace(frozen, console=_adopt(frozen.console, result.values, master=console.master))
            attempt = self._attempt(frozen, console)
            if attempt.rank <= best.rank:
                best, self._at_bounds = attempt, result.at_bounds
            rounds += 1
            if not has_clipper and self._is_too_dynamic(best):
                has_clipper = True
                console, free = self._clip(best.console, free)
                best = attempt = replace(best, console=console)
            if not has_stereo and self._needs_stereo(best) and not self._is_late():
                has_stereo = True
                console, added = _open_stereo(best.console, self._tracks)
                if added:
                    free = [*free, *added]
                    own = zip(console.parameters(), console.values(), strict=True)
                    self._centre = {**dict(own), **self._centre}
                    frozen, excerpts, cut = self._freeze(console, free)
                    best = attempt = self._attempt(frozen, console)
                    rounds = 0
        return self._finish(best)

    def _fit_settings(self) -> FitSettings:
        settings = self._settings
        return FitSettings(
            steps=settings.steps,
            lr=0.15,
            prior=settings.prior,
            patience=12,
            time_limit_s=max(1.0, self._left_s() - 5.0),
        )

    def _prepare(self, console: Console) -> tuple[Limiter, Console, list[str]]:
        """Give the console what the fit changes; the limiter is set aside."""
        settings = self._settings
        own = console.master.processors
        limiter = next((each for each in reversed(own) if isinstance(each, Limiter)), Limiter())
        chain: list[Processor] = [each for each in own if not isinstance(each, Limiter)]
        if console.master.fader_db:
            chain.append(Gain(console.master.fader_db))
        if not any(isinstance(each, Eq) and _is_like(each, settings.bands) for each in chain):
            chain.append(Eq(settings.bands))
        if not any(isinstance(each, Compressor) and not each.key for each in chain):
            chain.append(glue(self._before, self._sample_rate))
        if not any(isinstance(each, Width) for each in chain):
            chain.append(Width(self._needed_width()))
        free = []
        for index, each in enumerate(chain):
            name = f"master.processors.{index}."
            if isinstance(each, Eq) and _is_like(each, settings.bands):
                free += [f"{name}bands.*.gain_db"]
                free += [f"{name}bands.*.frequency_hz", f"{name}bands.*.q"] if settings.frees_bands else []
            elif isinstance(each, Compressor) and not each.key:
                free += [f"{name}{setting}" for setting in ("threshold_db", "ratio")]
            elif isinstance(each, Width):
                free.append(f"{name}width")
        console = replace(console, master=Master(tuple(chain)))
        if settings.groups:
            console, added = _open_groups(console)
            free += added
        return limiter, console, select(console, free)

    def _needed_width(self) -> float:
        """Return the width that turns the mid share of the mix into that of its target."""
        target = next((each for each in self._objective.targets if each.name == "mid_share"), None)
        share = mix_features.mid_share(self._before)
        if target is None or share is None or not 0.0 < share < 1.0:
            return 1.0
        wish = min(max(float(target.value), 1e-3), 1.0 - 1e-6)
        # w² E_S / E_M = (1 - m) / m
        return float(np.clip(np.sqrt(share / (1.0 - share) * (1.0 - wish) / wish), *WIDTHS))

    def _is_too_dynamic(self, attempt: _Attempt) -> bool:
        """Return whether the limiter alone would have to take more than its budget."""
        return float(attempt.whole[DENSITY]) > self._density_db

    def _clip(self, console: Console, free: list[str]) -> tuple[Console, list[str]]:
        """Add a soft clipper where a limiter alone would have to take too much."""
        chain = (*console.master.processors, Saturation(CLIP_START_DB))
        console = replace(console, master=Master(chain))
        name = f"master.processors.{len(chain) - 1}.drive_db"
        self._centre[name] = CLIP_START_DB
        return console, [*free, name]

    def _freeze(self, console: Console, free: list[str]) -> tuple[Frozen, Excerpts, dict[str, torch.Tensor]]:
        settings = self._settings
        frozen = freeze(console, self._tracks, self._sample_rate, free, jobs=settings.jobs)
        excerpts = choose_excerpts(frozen.tracks, self._sample_rate, seed=settings.seed)
        return frozen, excerpts, excerpts.cut(frozen.tracks)

    def _attempt(self, frozen: Frozen, console: Console) -> _Attempt:
        """Render and master the whole song, and measure it."""
        settings = self._settings
        rendered = replace(frozen.console, master=console.master)
        mix = render(rendered, frozen.tracks, self._sample_rate, jobs=settings.jobs).mix
        mastered = self._master(mix)
        whole = measure_whole(mastered.audio, self._sample_rate, self._objective.targets)
        whole[DENSITY] = torch.tensor([self._density_db + self._density_excess_db(mastered)])
        errors = [float(target.error(whole[target.name]).max()) for target in self._objective.targets]
        loss = sum(float(target.loss(whole[target.name])) for target in self._objective.targets)
        return _Attempt(console, mastered, whole, max(errors), loss)

    def _master(self, mix: Audio) -> MasteringResult:
        settings = self._settings
        return master(
            mix,
            self._sample_rate,
            loudness_lufs=settings.loudness_lufs,
            ceiling_db=settings.ceiling_db,
            processors=(self._limiter,),
            max_reduction_db=settings.max_reduction_db,
        )

    def _density_excess_db(self, mastered: MasteringResult) -> float:
        """Return by how many dB peaks have to fall for the loudness; negative where the limiter has budget left."""
        if mastered.loudness_lufs is None:
            return 0.0
        missing_lu = self._settings.loudness_lufs - mastered.loudness_lufs
        if missing_lu <= TOLERANCE_LU:
            return min(0.0, mastered.reduction_db - self._settings.max_reduction_db)
        return DENSITY_SLOPE * missing_lu + DENSITY_MARGIN_DB

    def _calibrate(self, attempt: _Attempt, cut: dict[str, torch.Tensor], excerpts: Excerpts, frozen: Frozen) -> None:
        from fxnorm.console.torch_render import render as render_tensors

        with torch.no_grad():
            console = replace(frozen.console, master=attempt.console.master)
            mix = render_tensors(console, cut, self._sample_rate).mix[..., excerpts.lead :]
        self._objective.calibrate(mix, attempt.whole)

    def _centre_the_bass(self, console: Console, attempt: _Attempt) -> Console:
        """Remove the side signal of the bass where its channels have come to oppose each other."""
        if mix_features.correlation_low(attempt.master.audio, self._sample_rate) >= 0.0:
            return console
        chain = tuple(
            replace(each, mono_below_hz=MONO_BELOW_HZ) if isinstance(each, Width) and not each.mono_below_hz else each
            for each in console.master.processors
        )
        return replace(console, master=Master(chain))

    def _needs_stereo(self, attempt: _Attempt) -> bool:
        """Return whether the mix should be wider than the master can make it, and tracks can be moved."""
        target = next((each for each in self._objective.targets if each.name == "mid_share"), None)
        if target is None or not self._settings.frees_stereo or len(self._tracks) < 2:
            return False
        is_narrow = float(attempt.whole["mid_share"] - target.value) > self._settings.accepted * target.tolerance
        widths = [each.width for each in attempt.console.master.processors if isinstance(each, Width)]
        return is_narrow and widths[-1] > WIDEST

    def _finish(self, best: _Attempt) -> Match:
        """Render the console itself, so that its document gives the result to the sample."""
        self._progress(0.95, "master")
        console = best.console
        if mix_features.correlation_low(best.master.audio, self._sample_rate) < 0.0:
            console = self._centre_the_bass(console, best)
        mix = render(console, self._tracks, self._sample_rate, jobs=self._settings.jobs).mix
        mastered = self._master(mix)
        chain = Master((*console.master.processors, *mastered.processors))
        console = replace(console, master=_without_neutral(chain))
        seconds = time.monotonic() - self._began
        self._progress(1.0, "master")
        return Match(console, mastered, self._before, self._at_bounds, seconds, self._is_late())

    def _left_s(self) -> float:
        return self._settings.time_limit_s - (time.monotonic() - self._began)

    def _is_late(self) -> bool:
        return self._left_s() < 5.0


def _adopt(console: Console, values: Mapping[str, float], *, master: Master | None = None) -> Console:
    """Give a console the values that it has parameters for."""
    own = zip(console.parameters(), console.values(), strict=True)
    changed = console.with_values([values.get(name, value) for name, value in own])
    return changed if master is None else replace(changed, master=master)


def _is_like(eq: Eq, bands: tuple[EqBand, ...]) -> bool:
    """Return whether an equaliser has the bands that a fit needs, in kind and number."""
    kinds = [band.kind for band in eq.bands]
    return all(kinds.count(kind) >= [band.kind for band in bands].count(kind) for kind in {band.kind for band in bands})


def _open_groups(console: Console) -> tuple[Console, list[str]]:
    """Put an equaliser on every bus that tracks are routed to."""
    fed = {strip.output for strip in (*console.tracks, *console.buses)}
    buses, free = list(console.buses), []
    for index, bus in enumerate(buses):
        if bus.name in fed and not bus.mute:
            buses[index] = replace(bus, processors=(*bus.processors, Eq(GROUP_BANDS)))
            free.append(f"buses.{index}.processors.{len(bus.processors)}.bands.*.gain_db")
    return replace(console, buses=tuple(buses)), free


def _open_stereo(console: Console, tracks: Mapping[str, Audio]) -> tuple[Console, list[str]]:
    """Open up all tracks but those that belong in the middle: width of stereo, pan of mono, decorrelation of both."""
    strips, free = list(console.tracks), []
    for index, strip in enumerate(strips):
        if strip.role in CENTRED_ROLES or (not strip.role and strip.stem in CENTRED_STEMS) or strip.mute:
            continue
        added: tuple[Processor, ...] = (Decorrelation(LEAST_AMOUNT),)
        name = f"tracks.{index}.processors.{len(strip.processors)}"
        free.append(f"{name}.amount")
        if _is_stereo(tracks[strip.name]) or any(each.NEEDS_STEREO for each in strip.processors):
            added = (Width(), *added)
            free[-1] = f"tracks.{index}.processors.{len(strip.processors) + 1}.amount"
            free.append(f"{name}.width")
        elif strip.pan:
            free.append(f"tracks.{index}.pan")
        strips[index] = replace(strip, processors=(*strip.processors, *added))
    console = replace(console, tracks=tuple(strips))
    return console, select(console, free) if free else []


def _is_stereo(audio: Audio) -> bool:
    return len(audio) == 2 and not np.array_equal(audio[0], audio[1])


def _without_neutral(chain: Master) -> Master:
    """Leave out processors that change nothing."""
    return Master(tuple(each for each in chain.processors if not each.is_neutral))
