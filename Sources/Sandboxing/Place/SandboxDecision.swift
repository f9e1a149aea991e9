// SPDX-License-Identifier: Apache-2.0

import Diagnostics

/// Which sandbox was asked for.
package enum SandboxRequest: String, Hashable, Sendable, CaseIterable {
  /// The best that works.
  case auto
  case namespaces
  case virtual
}

/// Which sandbox commands get, and why.
package enum SandboxDecision: Hashable, Sendable {
  case namespaces(why: String)
  /// After running the program again in a user namespace.
  case userNamespace(why: String)
  case virtual(why: String)
  case none(SandboxUnavailable)

  package enum Namespaces: Hashable, Sendable {
    case here, inUserNamespace
    case nowhere(reasons: [String])

    package init(_ answer: SandboxProbe.Answer) {
      self =
        switch answer {
        case .here: .here
        case .inUserNamespace: .inUserNamespace
        case .nowhere(let reasons): .nowhere(reasons: reasons)
        }
    }
  }

  /// - Parameters:
  ///   - isInitial: Whether this is the machine's first user namespace.
  ///   - virtual: Asked only when it matters.
  package init(
    _ request: SandboxRequest, namespaces: () -> Namespaces, isInitial: Bool,
    virtual: () -> VirtualProbe.Answer
  ) {
    if request == .virtual {
      switch virtual() {
      case .here: self = .virtual(why: "it was asked for")
      case .nowhere(let reasons, let help):
        self = .none(SandboxUnavailable(request: request, reasons: reasons, help: help))
      }
      return
    }
    switch namespaces() {
    case .here:
      self = .namespaces(
        why: isInitial
          ? "this process is root with CAP_SYS_ADMIN and may mount"
          : "this process is root of its user namespace and may mount")
    case .inUserNamespace:
      self = .userNamespace(why: "this user may have a user namespace with IDs of its own")
    case .nowhere(let reasons):
      self = Self.withoutNamespaces(request, reasons, virtual())
    }
  }

  private static func withoutNamespaces(
    _ request: SandboxRequest, _ reasons: [String], _ virtual: VirtualProbe.Answer
  ) -> SandboxDecision {
    switch (request, virtual) {
    case (.auto, .here):
      return .virtual(why: "no namespaces here: " + reasons.joined(separator: "; "))
    case (.auto, .nowhere(let others, let help)):
      return .none(
        SandboxUnavailable(
          request: request,
          reasons: reasons.map { "namespaces: \($0)" } + others.map { "virtual: \($0)" },
          help: help))
    case (_, .here):
      return .none(
        SandboxUnavailable(
          request: request, reasons: reasons,
          help:
            "the virtual sandbox works here: use --sandbox virtual, or auto; \"caisson doctor\" "
            + "shows what namespaces would need"))
    case (_, .nowhere):
      return .none(
        SandboxUnavailable(
          request: request, reasons: reasons,
          help: "run as root with CAP_SYS_ADMIN, or as a user with ranges in /etc/subuid and "
            + "/etc/subgid and the package uidmap; \"caisson doctor\" shows more"))
    }
  }

  /// The name of the sandbox; nil where there is none.
  package var name: String? {
    switch self {
    case .namespaces, .userNamespace: "namespaces"
    case .virtual: "virtual"
    case .none: nil
    }
  }

  /// One line; nil where there is none.
  package var why: String? {
    switch self {
    case .namespaces(let why), .userNamespace(let why), .virtual(let why): why
    case .none: nil
    }
  }
}

/// The sandbox that was asked for is not to be had, or none at all.
package struct SandboxUnavailable: Error, Hashable, Sendable {
  package var request: SandboxRequest
  /// For people, one sentence each.
  package var reasons: [String]
  /// The way out.
  package var help: String

  package init(request: SandboxRequest, reasons: [String], help: String) {
    self.request = request
    self.reasons = reasons
    self.help = help
  }
}

extension SandboxUnavailable: DiagnosticConvertible {
  package var diagnostic: Diagnostic {
    Diagnostic(
      request == .auto
        ? "there is no way to run a command here"
        : "the sandbox \"\(request.rawValue)\" cannot be had here",
      notes: reasons, help: help, exit: .surroundings)
  }
}
