"""The lists of MedMij: who takes part, under which names, and what of us stands in them."""
