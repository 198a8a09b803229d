"""A service without business, on the real contracts: it proves the chassis, and shows every doubled or lost effect."""
