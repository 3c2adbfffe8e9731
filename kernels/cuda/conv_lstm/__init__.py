"""The ConvLSTM: input convolutions, recurrences in one launch or by steps, weight gradients."""
