"""What nobody could be told: collected, gathered into themes, drafted as approved answers. Import core.unanswered.themes."""
