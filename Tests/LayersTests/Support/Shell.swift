// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import TestSupport

/// A script that failed, and all it said.
struct ShellError: Error {
  var status: Int32
  var output: String
}

/// Runs a script of bash's in a directory and gives its standard output.
@discardableResult
func shell(_ script: String, in directory: PathBytes) throws -> String {
  let output = try TemporaryDirectory()
  let (out, err) = (output.path.appending("out"), output.path.appending("err"))
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  defer { posix_spawn_file_actions_destroy(&actions) }
  for (number, path) in [(Int32(1), out), (2, err)] {
    _ = path.withCString {
      posix_spawn_file_actions_addopen(&actions, number, $0, O_WRONLY | O_CREAT, 0o600)
    }
  }
  _ = directory.withCString { posix_spawn_file_actions_addchdir_np(&actions, $0) }
  posix_spawn_file_actions_addclosefrom_np(&actions, 3)
  var words: [UnsafeMutablePointer<CChar>?] = []
  for word in ["bash", "-euo", "pipefail", "-c", script] { words.append(strdup(word)) }
  words.append(nil)
  defer { for word in words { free(word) } }
  var child = pid_t()
  let spawned = posix_spawnp(&child, "bash", &actions, nil, &words, environ)
  guard spawned == 0 else { throw SystemError("posix_spawn", "bash", Errno(spawned)) }
  var status: Int32 = 0
  try retrying("waitpid") { waitpid(child, &status, 0) }
  let text = String(decoding: try contents(of: out), as: UTF8.self)
  guard status == 0 else {
    let errors = String(decoding: try contents(of: err), as: UTF8.self)
    throw ShellError(status: status, output: text + errors)
  }
  return text
}

/// Whether this process may mount: asked once, with a real overlay.
let canMountOverlay: Bool = {
  guard geteuid() == 0, let directory = try? TemporaryDirectory() else { return false }
  let script = """
    mkdir l u w m
    unshare -m --propagation private mount -t overlay overlay -o lowerdir=l,upperdir=u,workdir=w m
    """
  return (try? shell(script, in: directory.path)) != nil
}()

let isRoot = geteuid() == 0
