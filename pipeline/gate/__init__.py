"""The gate: decides whether a model's folder may ship, and says why not."""
