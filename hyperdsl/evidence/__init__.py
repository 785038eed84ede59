"""What the source of the method claims, and what hyperdsl does, measured by commands that anyone can run again.

`study` says what a study is, `running` runs one part after the other and keeps what each found, `studies` names them
all. A study is a module of this folder, with its specs in `specs/`.
"""
