"""What lies in the folder of a run: names, marks and histories, written and read in one place."""
