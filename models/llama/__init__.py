"""The only import of llama_cpp: its low-level API, as a runner and a vocabulary. Never blocks on anything but itself."""

from models.llama.library import LlamaError, set_up_library
from models.llama.opening import Opened, open_model
from models.llama.options import LoadOptions, Lora
from models.llama.runner import LlamaRunner
from models.llama.vocabulary import LlamaVocabulary

__all__ = [
    "LlamaError",
    "LlamaRunner",
    "LlamaVocabulary",
    "LoadOptions",
    "Lora",
    "Opened",
    "open_model",
    "set_up_library",
]
