"""How generated packages train what they have to learn: a library that each `train.py` calls, for every loss.

A package's `train.py` keeps the spec's settings and the training loop; here are the targets (`targets`), the losses
(`losses`), learned parameters of the base (`learned`), checkpoints (`checkpoint`), the data's store (`store`), what is
measured at the end (`measured`), and `run`, which hands these to the loop. `tracking` keeps a hypersolver in step with
a vector field that is itself being trained.
"""
