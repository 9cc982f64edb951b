"""What :func:`companion.diagnostics.profile_data` reads in a table, and the traits that lead to a loss."""
