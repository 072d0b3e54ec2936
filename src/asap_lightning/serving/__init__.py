"""What every web server of the program shares: addresses, guards against slow and large requests, the run."""
