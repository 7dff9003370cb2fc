"""What every setting shares: statements, studies, verdicts, statistics, the report."""
