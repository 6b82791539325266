"""Models as folders: the MLmodel format, flavors, signatures, environments, saving and safe loading."""
