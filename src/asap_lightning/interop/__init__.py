"""Reading, verifying and writing the checkpoints of the original authors' programs."""
