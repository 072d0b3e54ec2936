"""What a generator costs: parameters, multiply-adds, latency, memory."""
