"""What keeps an answer true. Import core.trust.claims."""
