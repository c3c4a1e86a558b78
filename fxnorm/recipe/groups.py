"""Groups of keys in the recipe of a network."""

from typing import Any, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from fxnorm.recipe.base import BelowOne, Probability, SettingsGroup


class NetworkSettings(SettingsGroup):
    """Network to train.

    Attributes
    ----------
    name, preset : str
        As listed by `fxnorm models`.
    settings : dict
        Settings that differ from the preset.
    """

    name: str = "tdcn"
    preset: str = "published"
    settings: dict[str, Any] = Field(default_factory=dict)


class LossSettings(SettingsGroup):
    """Training loss of the task `mix`.

    Attributes
    ----------
    name : {"La", "Lb", "mrstft"}
    settings : dict
        Settings of the loss. La and Lb exclude the network's context at each end.
    gather : bool
        With several devices, compute the loss of the whole batch on each, which gives the result of a single device.
        Otherwise each device computes the loss of its share.
    """

    name: str = "La"
    settings: dict[str, Any] = Field(default_factory=dict)
    gather: bool = True


class DataSettings(SettingsGroup):
    """Training examples and their augmentation.

    Attributes
    ----------
    segment_s : float
        Length of an example in seconds.
    batch_size : int
        Examples per batch, over all devices.
    batches_per_epoch : int
    workers : int
        Loader processes per device. The examples do not depend on their number.
    channel_swap : float
        Probability of swapping left and right, in the stems and in the mix.
    remix : float
        Probability of taking each stem from a different song. The target is then the sum of the wet stems.
    jitter_db : float
        Largest random gain of a remixed wet stem, up or down, in dB.
    stem_dropout : float
        Probability of dropping a stem from the input and from the target. One stem is always kept.
    loudest_of : int
        Draw this many examples and take the one with the loudest mix.
    """

    segment_s: PositiveFloat = 10.0
    batch_size: PositiveInt = 4
    batches_per_epoch: PositiveInt = 1600
    workers: NonNegativeInt = 2
    channel_swap: Probability = 0.5
    remix: Probability = 0.0
    jitter_db: NonNegativeFloat = 0.0
    stem_dropout: BelowOne = 0.0
    loudest_of: PositiveInt = 1


class OptimizerSettings(SettingsGroup):
    """Optimizer and learning rate.

    Attributes
    ----------
    name : {"adamw", "amsgrad"}
    lr : float
        Learning rate at factor 1 of the schedule.
    weight_decay : float
    max_grad_norm : float
        Norm to which larger gradients are clipped.
    accumulate_grad_batches : int
        Batches per optimizer step.
    warmup : int
        Optimizer steps over which the learning rate rises linearly from zero.
    ema_decay : float
        Decay of the exponential moving average of the weights, which is validated and exported; 0 disables it.
    """

    name: Literal["adamw", "amsgrad"] = "adamw"
    lr: PositiveFloat = 1e-3
    weight_decay: NonNegativeFloat = 1e-2
    max_grad_norm: PositiveFloat = 1.0
    accumulate_grad_batches: PositiveInt = 1
    warmup: NonNegativeInt = 500
    ema_decay: BelowOne = 0.999


class ValidationSettings(SettingsGroup):
    """Validation and the choice of checkpoints.

    Attributes
    ----------
    segments : int
        Number of segments, fixed and evenly spaced over the validation songs.
    patience : int
        Epochs without a better score after which training stops; 0 disables early stopping.
    keep : int
        Number of best epochs to keep as checkpoints.
    """

    segments: PositiveInt = 48
    patience: NonNegativeInt = 20
    keep: PositiveInt = 3
