from .arrays import Array as Array
from .extras import require as require
from .input_error import InputError as InputError
from .painting import paint as paint
from .plain_json import plain as plain
from .registry import Registry as Registry
from .units import PFLOP as PFLOP
