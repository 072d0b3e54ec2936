"""What `asap benchmark` measures: paired runs against the authors' algorithm and the peers."""
