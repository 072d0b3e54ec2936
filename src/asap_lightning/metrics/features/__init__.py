"""Features of images that metrics of sets compare: networks, sums, stores, distances."""
