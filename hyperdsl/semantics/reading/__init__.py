"""How declarations are read: files, scopes, names, settings, numbers, and what is reported."""
