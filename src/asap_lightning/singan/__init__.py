"""SinGAN: a generative model learned from a single image (Shaham, Dekel and Michaeli, ICCV 2019)."""
