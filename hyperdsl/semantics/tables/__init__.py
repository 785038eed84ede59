"""The settings of each block in tables that their readers, editors and the reference read."""
