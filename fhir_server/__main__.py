"""``python -m fhir_server`` is the command ``fhir-server``."""

import sys

from fhir_server.cli import main

sys.exit(main())
