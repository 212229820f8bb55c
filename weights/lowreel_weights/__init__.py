"""Trained weights that do not come with Lowreel itself: `lowreel.pretrained("paper-rgb")` finds them here."""
