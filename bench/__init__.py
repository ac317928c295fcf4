"""How fast, how small, how quick to answer: see README.md here. ``make bench`` runs it."""
