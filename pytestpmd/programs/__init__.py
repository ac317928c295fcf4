"""Programs beside pytestpmd, built from the same parts."""
