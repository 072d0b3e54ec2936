"""Fixed networks whose weights come from files of others: VGG-19."""
