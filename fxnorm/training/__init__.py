"""Networks are trained here: pieces of a normalised corpus in, a checkpoint out.

The only room that knows Lightning, which brings devices, precision and many processes.
"""

from fxnorm.training.run import Outcome, train

__all__ = ["Outcome", "train"]
