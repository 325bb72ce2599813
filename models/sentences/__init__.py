"""Sentence vectors in Chinese, English and more, by models that are installed with Kefu. Import open_sentences from here."""

from models.sentences.embedder import SentenceEmbedder, open_sentences

__all__ = ["SentenceEmbedder", "open_sentences"]
