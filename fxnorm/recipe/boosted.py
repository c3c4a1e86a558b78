"""The recipe of boosted trees."""

from typing import Any, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt

from fxnorm.recipe.base import BaseRecipe, Fraction


class BoostedRecipe(BaseRecipe):
    """Training of gradient-boosted trees. Keys of the trees have the names of XGBoost's parameters.

    Attributes
    ----------
    model : {"boosted"}
        Identifies a recipe of boosted trees.
    settings : dict
        Settings of the model that differ from its defaults.
    n_estimators : int
        Boosting rounds.
    max_depth : int
    learning_rate : float
    subsample, colsample_bytree : float
        Fraction of the frames, and of the features, drawn for each tree.
    min_child_weight : float
        Smallest weight of a leaf, in songs: the frames of a song sum to 1.
    reg_lambda : float
        L2 penalty on leaf values, in songs.
    search : int
        Trials of a hyperparameter search over `n_estimators`, `max_depth` and `learning_rate`, scored on the validation
        songs; 0 trains with the values above.
    """

    model: Literal["boosted"]
    settings: dict[str, Any] = Field(default_factory=dict)
    n_estimators: PositiveInt = 100
    max_depth: PositiveInt = 3
    learning_rate: Fraction = 0.05
    subsample: Fraction = 0.5
    colsample_bytree: Fraction = 0.3
    min_child_weight: NonNegativeFloat = 1.0
    reg_lambda: NonNegativeFloat = 1.0
    search: NonNegativeInt = 0
