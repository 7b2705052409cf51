"""The orphaned-jobs dashboard. Not built yet."""
