"""The contracts, and what is derived from them: rules, checks and record models."""
