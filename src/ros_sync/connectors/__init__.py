"""The ways in: each connector turns one vendor's records into canonical ones, and knows the vendor and nothing else."""
