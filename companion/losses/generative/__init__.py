"""Losses of generative models: the bound of a variational autoencoder, introspection, likeness of images."""
