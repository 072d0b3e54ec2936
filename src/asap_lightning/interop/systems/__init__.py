"""One module a system: how its settings are read off its weights, and its parameter names."""
