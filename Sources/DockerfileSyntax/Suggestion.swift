// SPDX-License-Identifier: Apache-2.0

/// The candidate that `word` was probably meant to be: at most a third of its letters differ.
///
/// - Parameter limit: How many letters may differ, however long the word is.
package func nearest(
  to word: String, among candidates: some Sequence<String>, atMost limit: Int = .max
) -> String? {
  let letters = Array(word.lowercased().utf8)
  guard letters.count <= 64 else { return nil }
  let ranked = candidates.map { candidate in
    (candidate, editDistance(letters, Array(candidate.lowercased().utf8)))
  }
  guard let best = ranked.min(by: { $0.1 < $1.1 }), best.1 <= min(limit, max(1, letters.count / 3))
  else {
    return nil
  }
  return best.0
}

/// Letters to insert, delete, change or swap with their neighbour.
private func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
  var beforePrevious: [Int] = []
  var previous = Array(0...b.count)
  for i in 0..<a.count {
    var row = [i + 1]
    for j in 0..<b.count {
      var cost = min(row[j], previous[j + 1]) + 1
      cost = min(cost, previous[j] + (a[i] == b[j] ? 0 : 1))
      if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
        cost = min(cost, beforePrevious[j - 1] + 1)
      }
      row.append(cost)
    }
    beforePrevious = previous
    previous = row
  }
  return previous[b.count]
}
