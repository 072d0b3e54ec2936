"""What a pyramid is good for beside random samples (Shaham et al. 2019, section 4 and 5)."""
