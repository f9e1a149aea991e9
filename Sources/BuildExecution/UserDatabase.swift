// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import OCI

/// The users and groups of an image, as its `/etc/passwd` and `/etc/group` have them.
///
/// passwd(5), group(5). Malformed lines are skipped, as libc does.
struct UserDatabase: Equatable {
  struct User: Equatable {
    var name: String
    var uid: UInt32
    var gid: UInt32
    var home: String
  }

  struct Group: Equatable {
    var name: String
    var gid: UInt32
    var members: [String]
  }

  var users: [User]
  var groups: [Group]

  init(passwd: [UInt8], group: [UInt8]) {
    users = Self.lines(of: passwd).compactMap { fields in
      guard fields.count >= 6, let uid = UInt32(fields[2]), let gid = UInt32(fields[3]) else {
        return nil
      }
      return User(name: fields[0], uid: uid, gid: gid, home: fields[5])
    }
    groups = Self.lines(of: group).compactMap { fields in
      guard fields.count >= 3, let gid = UInt32(fields[2]) else { return nil }
      let members = fields.count > 3 ? fields[3].split(separator: ",").map(String.init) : []
      return Group(name: fields[0], gid: gid, members: members)
    }
  }

  private static func lines(of file: [UInt8]) -> [[String]] {
    String(decoding: file, as: UTF8.self).split(whereSeparator: \.isNewline).map {
      $0.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    }
  }

  /// Who a command runs as.
  struct Identity: Equatable {
    var uid: UInt32
    var gid: UInt32
    var groups: [UInt32]
    var home: String
  }

  /// Resolves `USER`: `""`, `name`, `uid`, each with `:group` or `:gid`.
  ///
  /// A number without entry is taken as it is, with group 0. Groups the user is a member of are
  /// given only when no group is named, as runc does; its own group is always among them, since a
  /// set-group-ID program could otherwise drop it.
  func identity(_ text: String, at range: SourceRange) throws(ExecutionError) -> Identity {
    let (name, groupName) = try Self.split(text, at: range)
    let user = try user(name, at: range)
    let known = users.first { $0.uid == user.uid && (UInt32(name) != nil || $0.name == name) }
    var identity = Identity(
      uid: user.uid, gid: known?.gid ?? 0, groups: [], home: known?.home ?? "/")
    if identity.home.isEmpty { identity.home = "/" }
    if user.uid == 0, known == nil { identity.home = "/root" }
    if let groupName {
      identity.gid = try group(groupName, at: range)
    } else if let known {
      identity.groups = groups.filter { $0.members.contains(known.name) }.map(\.gid)
    }
    identity.groups.removeAll { $0 == identity.gid }
    identity.groups.insert(identity.gid, at: 0)
    return identity
  }

  /// Resolves `--chown`: a number without group stands for the group as well, a name brings its
  /// primary group.
  func owner(_ text: String, at range: SourceRange) throws(ExecutionError) -> (
    uid: UInt32, gid: UInt32
  ) {
    let (name, groupName) = try Self.split(text, at: range)
    if name.isEmpty, let groupName { return (0, try group(groupName, at: range)) }
    let user = try user(name, at: range)
    guard let groupName else { return (user.uid, user.gid) }
    return (user.uid, try group(groupName, at: range))
  }

  private static func split(_ text: String, at range: SourceRange) throws(ExecutionError) -> (
    String, String?
  ) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    guard parts.count <= 2 else { throw ExecutionError.badUser(text, at: range) }
    return (parts.first ?? "", parts.count == 2 && !parts[1].isEmpty ? parts[1] : nil)
  }

  /// The largest number is no ID: chown(2) takes it for "leave it as it is".
  private static func id(_ text: String) -> UInt32? {
    UInt32(text).flatMap { $0 == .max ? nil : $0 }
  }

  private func user(_ name: String, at range: SourceRange) throws(ExecutionError) -> (
    uid: UInt32, gid: UInt32
  ) {
    if name.isEmpty { return (0, 0) }
    if let uid = Self.id(name) { return (uid, uid) }
    guard let user = users.first(where: { $0.name == name }) else {
      // Images from scratch have no passwd, but everybody knows root.
      if name == "root" { return (0, 0) }
      throw ExecutionError.unknownUser(name, at: range)
    }
    return (user.uid, user.gid)
  }

  private func group(_ name: String, at range: SourceRange) throws(ExecutionError) -> UInt32 {
    if let gid = Self.id(name) { return gid }
    guard let group = groups.first(where: { $0.name == name }) else {
      if name == "root" { return 0 }
      throw ExecutionError.unknownGroup(name, at: range)
    }
    return group.gid
  }
}
