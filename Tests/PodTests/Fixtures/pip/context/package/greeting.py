# SPDX-License-Identifier: Apache-2.0
import sys


def main():
    print("hello from", sys.argv[0])
