// SPDX-License-Identifier: Apache-2.0

/// The door through which this program comes in again as a process of a sandbox.
package enum SandboxEntry {
  static let supervisorName = "caisson: sandbox"
  static let virtualSupervisorName = "caisson: virtual sandbox"
  static let userNamespaceName = "caisson: user namespace"

  /// Must be the first statement of `main`, before any `await`: namespaces are entered by a process
  /// of one thread. The first argument, which no shell sets to these names, says what is asked.
  ///
  /// - Returns: The code to exit with at once; nil when the program was started by a person.
  package static func runIfAsked(_ arguments: [String]) -> Int32? {
    switch arguments.first {
    case supervisorName: SandboxSupervisor.run()
    case virtualSupervisorName: VirtualSupervisor.run()
    case userNamespaceName: UserNamespaceChild.run(Array(arguments.dropFirst()))
    default: nil
    }
  }
}
