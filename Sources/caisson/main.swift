// SPDX-License-Identifier: Apache-2.0

import Glibc
import Sandboxing

// A sandbox is entered by running the program again; that takes a process with one thread.
if let code = SandboxEntry.runIfAsked(CommandLine.arguments) { exit(code) }

// What must happen while the program has one thread (the sandbox's own entry) stands before this.
exit(runProgram(CommandLine.arguments))
