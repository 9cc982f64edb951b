"""What :func:`companion.diagnostics.check_loss` asks of a loss, topic by topic."""
