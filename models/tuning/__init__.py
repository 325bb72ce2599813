"""Which options make a model fastest on this machine: measured once in a process of its own, kept in the data folder."""

from models.tuning.tune import Job, Tuned, tune_model
from models.tuning.values import Asked, Choices, Facts, Measured, Repacked, Tuning, default_choices

__all__ = [
    "Asked",
    "Choices",
    "Facts",
    "Job",
    "Measured",
    "Repacked",
    "Tuned",
    "Tuning",
    "default_choices",
    "tune_model",
]
