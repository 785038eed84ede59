"""What `hyperdsl new` writes: a spec, a problem and a script that run, and a published tableau as a method."""
