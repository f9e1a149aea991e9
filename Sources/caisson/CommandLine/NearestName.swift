// SPDX-License-Identifier: Apache-2.0

/// The name that was probably meant, or nil when none is near.
func nearestName(to word: String, among names: some Sequence<String>) -> String? {
  let limit = max(1, word.utf8.count / 3)
  let near = names.map { (name: $0, distance: editDistance(word, $0)) }
    .filter { $0.distance <= limit }
  if let best = near.min(by: { $0.distance < $1.distance }) { return best.name }
  guard word.utf8.count >= 4 else { return nil }
  let longer = names.filter { $0.hasPrefix(word) }
  return longer.count == 1 ? longer.first : nil
}

/// How many letters must be changed, added, dropped or swapped with their neighbour.
func editDistance(_ a: String, _ b: String) -> Int {
  let a = Array(a.lowercased().utf8)
  let b = Array(b.lowercased().utf8)
  // A word from outside may be any length; far apart is far apart.
  guard a.count <= 64, b.count <= 64 else { return max(a.count, b.count) }
  var beforeLast = [Int](repeating: 0, count: b.count + 1)
  var last = Array(0...b.count)
  for i in 0..<a.count {
    var row = [i + 1]
    for j in 0..<b.count {
      var cost = min(last[j] + (a[i] == b[j] ? 0 : 1), last[j + 1] + 1, row[j] + 1)
      if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
        cost = min(cost, beforeLast[j - 1] + 1)
      }
      row.append(cost)
    }
    (beforeLast, last) = (last, row)
  }
  return last[b.count]
}
