from setuptools import setup

setup(cffi_modules=["pytestpmd/_build.py:ffibuilder"], options={"bdist_wheel": {"py_limited_api": "cp311"}})
