"""What there is to know of a method, and how it is shown: as text, JSON, HTML, LaTeX and plots."""
