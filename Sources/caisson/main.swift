// SPDX-License-Identifier: Apache-2.0

import Glibc
import Sandboxing

if let code = SandboxEntry.runIfAsked(CommandLine.arguments) { exit(code) }

print("caisson")
