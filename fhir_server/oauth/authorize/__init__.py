"""What a person sees of the OAuth server: log in, choose a dossier, consent, look back at what was consented to, log out."""
