"""Whether a generated package is what its spec says: its texts, its facts, and its steps on formal values."""
