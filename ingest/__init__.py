"""From files to raw tables: contracts, readers, landing lake, loads and the
verdicts of the quality gate.
"""
