"""A TextModel elsewhere: any OpenAI-compatible server (llama-server, vLLM, Ollama, …), or several of them.

Read model.py first. opening.py and probe.py find out what a server is; pool.py knows which are up and chooses one; body.py says to each
kind what a request wants in its own words; answer.py makes pieces of what it streams; faults.py names what went wrong.
"""

from models.server.backoff import Pace
from models.server.model import ServerModel
from models.server.opening import open_server

__all__ = ["Pace", "ServerModel", "open_server"]
