// SPDX-License-Identifier: Apache-2.0

import Glibc

exit(runProgram(CommandLine.arguments))
