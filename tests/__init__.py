"""Everything that proves the product: unit, contract, integration, end to end, chaos, benchmark."""
