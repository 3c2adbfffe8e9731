"""What every room may use: checks of arguments, and what the command lines share."""
