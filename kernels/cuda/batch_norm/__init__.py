"""BatchNormalization, and its link with the ConvLSTM in front."""
