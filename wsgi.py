"""What a WSGI server loads: `wsgi:app`."""

import os

from config import Config
from hub.app import create_app

app = create_app(Config.from_env(os.environ))
