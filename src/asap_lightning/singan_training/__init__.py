"""Training SinGAN with Lightning: scale after scale in one run, which a resume continues exactly."""
