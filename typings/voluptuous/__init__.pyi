# Home Assistant serves `voluptuous` with an engine of its own; its types are that engine's.
from probatio import *
