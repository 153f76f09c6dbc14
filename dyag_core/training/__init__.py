"""What surrounds training: the run's folder, the passport, going on from an older adapter."""
