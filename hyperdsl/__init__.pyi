from hyperdsl.memory import SpecError as SpecError
from hyperdsl.memory import compile_text as compile_text

__version__: str
