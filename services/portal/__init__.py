"""Where buyers help themselves and the seller's people work: pages over the other services' calls, and no business of its own."""
