"""Adapter for pharmacy systems that speak HL7v3, medication process 6.12."""
