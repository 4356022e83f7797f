"""A compact PyTorch trainer that supplies real loss curves."""
