// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import DockerfileChecks
import DockerfileSyntax

extension CheckReport {
  /// Workflow commands, which GitHub shows beside the lines of a pull request.
  var annotations: String {
    findings.map { finding in
      let region = region(of: finding)
      let properties = [
        "file=\(escapedProperty(source.name))", "line=\(region.start.line)",
        "endLine=\(region.end.line)", "col=\(region.start.column)",
        "endColumn=\(region.end.column)", "title=\(escapedProperty(finding.rule))",
      ]
      let message = finding.message + (finding.help.map { "\n\($0)" } ?? "")
      return "::\(severity) \(properties.joined(separator: ","))::\(escapedData(message))\n"
    }.joined()
  }

  /// The place with columns that count characters, as other programs' do.
  func region(of finding: Finding) -> SourceRange {
    let range = finding.range
    let lines = source.located(finding.diagnostic).location?.lines ?? []
    func converted(_ position: SourcePosition) -> SourcePosition {
      let index = position.line - range.start.line
      guard lines.indices.contains(index) else { return position }
      let before = lines[index].utf8.prefix(max(0, position.column - 1))
      return SourcePosition(
        line: position.line,
        column: String(decoding: before, as: UTF8.self).unicodeScalars.count + 1)
    }
    return SourceRange(converted(range.start), converted(range.end))
  }
}

private func escapedData(_ text: String) -> String {
  String(
    text.unicodeScalars.map { scalar -> String in
      switch scalar {
      case "%": "%25"
      case "\r": "%0D"
      case "\n": "%0A"
      default: String(scalar)
      }
    }.joined())
}

private func escapedProperty(_ text: String) -> String {
  escapedData(text).map { character -> String in
    switch character {
    case ":": "%3A"
    case ",": "%2C"
    default: String(character)
    }
  }.joined()
}
