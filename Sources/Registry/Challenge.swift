// SPDX-License-Identifier: Apache-2.0

/// How a registry wants to be told who asks: its `WWW-Authenticate` header.
///
/// RFC 9110, section 11; the token scheme is described with Docker's registry.
package enum Challenge: Hashable, Sendable {
  case basic
  case bearer(realm: String, service: String?, scope: String?)

  /// The best of what is offered: a token before a password. Nil when nothing is known to us.
  package init?(_ headers: HTTPHeaders) {
    let offers = headers.all("www-authenticate").flatMap(parsedChallenges)
    let bearer = offers.first { $0.scheme == "bearer" && $0.parameters["realm"] != nil }
    if let bearer, let realm = bearer.parameters["realm"] {
      self = .bearer(
        realm: realm, service: bearer.parameters["service"], scope: bearer.parameters["scope"])
    } else if offers.contains(where: { $0.scheme == "basic" }) {
      self = .basic
    } else {
      return nil
    }
  }
}

private struct Offer {
  var scheme: String
  var parameters: [String: String] = [:]
}

/// Several challenges may share a line: `Basic realm="a", Bearer realm="b",scope="c,d"`.
private func parsedChallenges(_ line: String) -> [Offer] {
  var offers: [Offer] = []
  var rest = Substring(line)
  func skip(_ characters: Set<Character>) { rest = rest.drop { characters.contains($0) } }
  while true {
    skip([" ", "\t", ","])
    let name = rest.prefix { !" \t,=".contains($0) }
    guard !name.isEmpty else { return offers }
    rest = rest.dropFirst(name.count)
    skip([" ", "\t"])
    guard rest.first == "=" else {
      offers.append(Offer(scheme: name.lowercased()))
      continue
    }
    rest = rest.dropFirst()
    skip([" ", "\t"])
    let value = takeValue(&rest)
    // A parameter without a scheme before it belongs to nothing.
    if !offers.isEmpty { offers[offers.count - 1].parameters[name.lowercased()] = value }
  }
}

/// A token, or a quoted string with backslash escapes.
private func takeValue(_ rest: inout Substring) -> String {
  guard rest.first == "\"" else {
    let token = rest.prefix { !" \t,".contains($0) }
    rest = rest.dropFirst(token.count)
    return String(token)
  }
  rest = rest.dropFirst()
  var value = ""
  while let character = rest.popFirst() {
    switch character {
    case "\"": return value
    case "\\": if let escaped = rest.popFirst() { value.append(escaped) }
    default: value.append(character)
    }
  }
  return value
}

/// What a token is good for: `repository:library/debian:pull,push`.
package struct TokenScope: Hashable, Sendable, CustomStringConvertible {
  package var resource: String
  package var actions: Set<String>

  package static func repository(_ name: String, _ access: RegistryAccess) -> TokenScope {
    TokenScope(
      resource: "repository:\(name)", actions: access == .push ? ["pull", "push"] : ["pull"])
  }

  init(resource: String, actions: Set<String>) {
    self.resource = resource
    self.actions = actions
  }

  /// The name may hold colons (a port), the actions may not.
  package init?(_ text: some StringProtocol) {
    guard let colon = text.lastIndex(of: ":"), text.firstIndex(of: ":") != colon else {
      return nil
    }
    resource = String(text[..<colon])
    actions = Set(
      text[text.index(after: colon)...].split(separator: "," as Character).map { String($0) })
  }

  package var description: String { "\(resource):\(actions.sorted().joined(separator: ","))" }

  /// `ours`, and what the registry's challenge (scopes separated by blanks) adds to them.
  package static func union(_ ours: [TokenScope], challenge: String?) -> [TokenScope] {
    var all = ours
    for asked in (challenge ?? "").split(separator: " ").compactMap({ TokenScope($0) }) {
      if let index = all.firstIndex(where: { $0.resource == asked.resource }) {
        all[index].actions.formUnion(asked.actions)
      } else {
        all.append(asked)
      }
    }
    return all
  }
}
