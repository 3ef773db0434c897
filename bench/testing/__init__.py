"""The test kit for whoever adds a codec: subclass a contract, and pytest checks it.

from bench.testing import CodecContract
from my_package import Mine

class TestMine(CodecContract):
def codec(self):
return Mine(quality=50)
"""

from bench.testing.codec import CodecContract

__all__ = ["CodecContract"]
