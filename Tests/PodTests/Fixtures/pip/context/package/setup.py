# SPDX-License-Identifier: Apache-2.0
from setuptools import setup

setup(name="greeting", version="1.0", py_modules=["greeting"], entry_points={"console_scripts": ["greet=greeting:main"]})
