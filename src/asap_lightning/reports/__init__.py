"""Reports: what runs have written, as one HTML file that needs neither server nor network."""
