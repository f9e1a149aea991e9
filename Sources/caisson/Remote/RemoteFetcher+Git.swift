// SPDX-License-Identifier: Apache-2.0

import BuildExecution
import BuildPlanning
import Glibc
import LinuxSystem

extension RemoteFetcher {
  /// Checks a commit out into a directory of the store that ends with the build.
  ///
  /// The files are as old as the commit, so that equal commits give equal layers.
  func fetch(_ repository: GitRepository) async throws -> FetchedRepository {
    let directory = store.temporaryPath()
    try makeDirectory(directory, mode: 0o755)
    let git = GitCheckout(repository, in: directory, environment: environment)
    try await git.make()
    return FetchedRepository(directory: directory)
  }
}

/// One checkout, made by the program git.
///
/// What the repository says is never an option of git's, starts no program, and reaches no file of the
/// machine. Credentials are in git's environment only, never in a command line or in what is checked out.
private struct GitCheckout {
  private let repository: GitRepository
  /// Without credentials, where git takes them in another way.
  private let remote: String
  private let directory: PathBytes
  private let environment: [String]

  init(_ repository: GitRepository, in directory: PathBytes, environment: [String: String]) {
    self.repository = repository
    self.directory = directory
    // Credentials and proxies are the user's; what else would change git's ways is left behind.
    let kept = environment.filter { name, _ in
      !name.hasPrefix("GIT_")
        || ["GIT_SSH_COMMAND", "GIT_SSL_NO_VERIFY", "GIT_SSL_CAINFO", "GIT_ASKPASS"].contains(name)
    }
    var all = kept
    all["GIT_TERMINAL_PROMPT"] = "0"
    all["GIT_ALLOW_PROTOCOL"] = "https:http:ssh:git"
    all["GIT_CONFIG_NOSYSTEM"] = "1"
    all["GIT_LFS_SKIP_SMUDGE"] = "1"
    all["LC_ALL"] = "C"
    if let parts = UserInformation(of: repository.remote), let login = parts.text,
      ["http://", "https://"].contains(parts.scheme)
    {
      // git-config(1): addresses of this host get the credentials when they are used, also those of
      // submodules.
      let host = parts.rest.prefix { $0 != "/" }
      all["GIT_CONFIG_COUNT"] = "1"
      all["GIT_CONFIG_KEY_0"] = "url.\(parts.scheme)\(login)@\(host)/.insteadOf"
      all["GIT_CONFIG_VALUE_0"] = "\(parts.scheme)\(host)/"
      remote = parts.scheme + parts.rest
    } else {
      remote = repository.remote
    }
    self.environment = all.map { "\($0.key)=\($0.value)" }.sorted()
  }

  func make() async throws {
    try await git(["init", "-q", "--template=", directory.description], "prepare", at: false)
    try await git(["remote", "add", "--", "origin", remote], "name")
    let reference = repository.reference ?? "HEAD"
    if isCommit(reference) {
      try await fetchCommit(reference)
    } else {
      let fetch = ["--no-tags", "--", "origin", reference]
      let one = try await run(["fetch", "-q", "--depth", "1"] + fetch, inRepository: true)
      // A server of plain files cannot give a part of the history.
      if one.status != 0 { try await git(["fetch", "-q"] + fetch, "fetch") }
      try await git(["checkout", "-q", "--detach", "FETCH_HEAD", "--"], "check out")
    }
    if repository.hasSubmodules {
      let update = ["submodule", "update", "-q", "--init", "--recursive"]
      let latest = try await run(update + ["--depth", "1"], inRepository: true)
      if latest.status != 0 { try await git(update, "fetch submodules of") }
    }
    try await check()
    let seconds = try await git(["log", "-1", "--format=%ct"], "look at")
    if repository.keepsGitDirectory {
      try await forgetThisMachine()
    } else {
      try removeGitDirectories()
    }
    try setModesAndTimes(Int(seconds).map { timespec(tv_sec: $0, tv_nsec: 0) })
  }

  private func isCommit(_ text: String) -> Bool {
    (7...40).contains(text.utf8.count)
      && text.utf8.allSatisfy { "0123456789abcdef".utf8.contains($0) }
  }

  /// Servers need not give a single commit: then everything is fetched. A branch may have such a name.
  private func fetchCommit(_ commit: String) async throws {
    let one = try await run(
      ["fetch", "-q", "--depth", "1", "--no-tags", "--", "origin", commit], inRepository: true)
    var target = "FETCH_HEAD"
    if one.status != 0 {
      target = commit
      try await git(
        ["fetch", "-q", "--tags", "--", "origin", "+refs/heads/*:refs/remotes/origin/*"], "fetch")
    }
    try await git(["checkout", "-q", "--detach", target, "--"], "check out")
  }

  private func check() async throws {
    guard let expected = repository.checksum else { return }
    let found = try await git(["rev-parse", "HEAD"], "look at")
    guard found.hasPrefix(expected) else {
      throw RemoteError.wrongCommit(repository.shown, expected: expected, actual: found)
    }
  }

  /// An index that has only what the commit says, no times and inodes; and no note of the fetch.
  private func forgetThisMachine() async throws {
    try await git(["read-tree", "HEAD"], "look at")
    let note = directory.appending(".git").appending("FETCH_HEAD")
    if exists(note) { try removeFile(note) }
  }

  /// The modes are those that a umask of 022 would have left.
  private func setModesAndTimes(_ time: timespec?) throws {
    var waiting = [directory]
    while let place = waiting.popLast() {
      for name in try names(inDirectory: place) {
        let path = place.appending(name)
        let status = try FileStatus(of: path)
        if status.kind == .directory {
          waiting.append(path)
        } else {
          try settle(path, status, time)
        }
      }
      try settle(place, try FileStatus(of: place), time)
    }
  }

  private func settle(_ path: PathBytes, _ status: FileStatus, _ time: timespec?) throws {
    if status.kind != .symbolicLink {
      let owner = (status.permissions >> 6) & 0o7
      let others = owner & 0o5
      try retrying("chmod", path) {
        path.withCString { chmod($0, owner << 6 | others << 3 | others) }
      }
    }
    guard let time else { return }
    try retrying("utimensat", path) {
      path.withCString { utimensat(AT_FDCWD, $0, [time, time], AT_SYMLINK_NOFOLLOW) }
    }
  }

  private func removeGitDirectories() throws {
    var waiting = [directory]
    while let place = waiting.popLast() {
      for name in try names(inDirectory: place) {
        let path = place.appending(name)
        let isDirectory = try FileStatus(of: path).kind == .directory
        if name == ".git" {
          if isDirectory { try removeTree(path) } else { try removeFile(path) }
        } else if isDirectory {
          waiting.append(path)
        }
      }
    }
  }

  /// - Returns: The first line it wrote.
  @discardableResult
  private func git(_ arguments: [String], _ doing: String, at inRepository: Bool = true)
    async throws
    -> String
  {
    let result = try await run(arguments, inRepository: inRepository)
    guard result.status == 0 else {
      throw RemoteError.git(
        repository.shown, doing: doing,
        errors: withoutLogin(String(decoding: result.errors, as: UTF8.self)))
    }
    return String(decoding: result.output.prefix { $0 != 10 }, as: UTF8.self)
  }

  private func withoutLogin(_ text: String) -> String {
    guard let login = UserInformation(of: repository.remote)?.text else { return text }
    return text.replacing(repository.remote, with: withoutCredentials(repository.remote))
      .replacing(login + "@", with: "")
  }

  private func run(_ arguments: [String], inRepository: Bool) async throws -> ProgramRun.Result {
    let settings = [
      "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c",
      "protocol.file.allow=never",
      "-c", "advice.detachedHead=false", "-c", "core.symlinks=true", "-c", "safe.directory=*",
      "-c", "init.defaultBranch=main", "-c", "core.autocrlf=false", "-c",
      "core.logAllRefUpdates=false",
    ]
    let place = inRepository ? ["-C", directory.description] : []
    do {
      return try await ProgramRun("git", place + settings + arguments, environment: environment)
        .run()
    } catch let error as SystemError where error.errno == .noSuchFile {
      throw RemoteError.noGit
    }
  }
}
