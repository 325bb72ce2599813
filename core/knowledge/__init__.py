"""What a bot knows: approved answers, notes and products, and how to find them. Import core.knowledge.base."""
