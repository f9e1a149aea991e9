// SPDX-License-Identifier: Apache-2.0

import Glibc

// What must happen while the program has one thread (the sandbox's own entry) stands before this.
exit(runProgram(CommandLine.arguments))
