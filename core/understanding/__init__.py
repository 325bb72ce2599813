"""What a message wants, and how urgently. Other parts import core.understanding.base, and core.understanding.answers."""
