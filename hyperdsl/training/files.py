"""How training, and what builds on it, writes files: as the runtime does."""

from hyperdsl.runtime.files import remove_left, renamed_to, sync, write_atomically, write_whole

__all__ = ["remove_left", "renamed_to", "sync", "write_atomically", "write_whole"]
