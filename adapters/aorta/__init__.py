"""What the HL7v3 systems on the Dutch national switch point (AORTA) have in common: the frame of questions and of answers."""
