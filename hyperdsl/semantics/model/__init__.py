"""What a spec means: frozen, with exact numbers and every default filled in."""
