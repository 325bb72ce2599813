"""The test bench: conversations with expectations, run through the real respond(), judged and counted."""
