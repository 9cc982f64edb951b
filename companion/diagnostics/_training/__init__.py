"""What :class:`companion.diagnostics.TrainingMonitor` records, and the symptoms that it reads in the record."""
