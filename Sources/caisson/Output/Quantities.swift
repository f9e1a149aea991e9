// SPDX-License-Identifier: Apache-2.0

/// `512 B`, `4.1 kB`, `12.3 MB`: decimal units, as registries count.
func sizeText(_ sizeInBytes: Int64) -> String {
  guard sizeInBytes >= 1000 else { return "\(max(0, sizeInBytes)) B" }
  var value = Double(sizeInBytes)
  var unit = ""
  for name in ["kB", "MB", "GB", "TB", "PB", "EB"] {
    value /= 1000
    unit = name
    // What would be rounded up to 1000 belongs to the next unit.
    if value < 999.95 { break }
  }
  return "\(tenths(value)) \(unit)"
}

/// `0.3s`, `59.9s`, `2m05s`, `1h02m`.
func durationText(_ duration: Duration) -> String {
  let seconds =
    Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
  if seconds < 59.95 { return "\(tenths(max(0, seconds)))s" }
  let whole = Int(seconds.rounded())
  if whole < 3600 { return "\(whole / 60)m\(twoDigits(whole % 60))s" }
  return "\(whole / 3600)h\(twoDigits(whole / 60 % 60))m"
}

/// Seconds with a fraction, for machines.
func seconds(_ duration: Duration) -> Double {
  Double(duration.components.seconds)
    + Double(duration.components.attoseconds / 1_000_000_000_000_000) / 1000
}

private func tenths(_ value: Double) -> String {
  let count = Int64((value * 10).rounded())
  return "\(count / 10).\(count % 10)"
}

func twoDigits(_ value: Int) -> String { value < 10 ? "0\(value)" : String(value) }

private let yearZero: Int64 = -62_167_219_200
private let endOfYear9999: Int64 = 253_402_300_799

/// A moment as RFC 3339 has it, in UTC; earlier and later ones than it can write become the first
/// and last of those.
///
/// The calendar is computed in eras of 400 years that begin on a first of March.
func rfc3339(secondsSince1970 moment: Int64) -> String {
  let seconds = min(max(moment, yearZero), endOfYear9999)
  let day = Int((seconds - (seconds % 86400 + 86400) % 86400) / 86400)
  let second = Int((seconds % 86400 + 86400) % 86400)
  let shifted = day + 719_468
  let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
  let dayOfEra = shifted - era * 146_097
  let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
  let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
  let shiftedMonth = (5 * dayOfYear + 2) / 153
  let dayOfMonth = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
  let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
  let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  let yearText = String(repeating: "0", count: max(0, 4 - String(year).count)) + String(year)
  return "\(yearText)-\(twoDigits(month))-\(twoDigits(dayOfMonth))T"
    + "\(twoDigits(second / 3600)):\(twoDigits(second / 60 % 60)):\(twoDigits(second % 60))Z"
}
