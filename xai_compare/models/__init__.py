"""Models behind one face: adapt what is fitted, train what a study names."""
