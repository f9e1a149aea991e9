// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import TestSupport
import Testing

/// `RUN --mount=type=ssh`: an agent's socket, for whoever the command runs as.
@Suite(.enabled(if: Surroundings.obstacle == nil, Surroundings.obstacle))
struct AgentTests {
  private static let dockerfile = """
    ARG DEBIAN
    FROM $DEBIAN
    USER 1000
    RUN --mount=type=ssh,uid=1000 test "$(stat -c '%u %a %F' $SSH_AUTH_SOCK)" = '1000 600 socket' && \
      perl -MIO::Socket::UNIX -e '$s = IO::Socket::UNIX->new(Peer => $ENV{SSH_AUTH_SOCK}) or die; \
      print $s "hello\\n"; $s->flush; print scalar <$s>'
    RUN --mount=type=ssh,id=absent test -z "$SSH_AUTH_SOCK"
    RUN test -z "$SSH_AUTH_SOCK" && test ! -e /run/buildkit

    """

  @Test(arguments: ["namespaces", "virtual"])
  func `a command talks to the agent`(_ sandbox: String) async throws {
    let surroundings = try await Surroundings.shared.value
    let project = try Project(surroundings, dockerfile: Self.dockerfile)
    var ends: [Int32] = [-1, -1]
    try retrying("pipe") { pipe2(&ends, O_CLOEXEC) }
    defer { close(ends[1]) }
    let socket = project.path + "/agent"
    _ = try Command(Surroundings.package + "/Tests/EndToEndTests/agent-server", socket).start(
      output: project.path + "/said", errors: project.path + "/errors", input: ends[0])
    close(ends[0])
    _ = try waitForLines(1, of: project.path + "/said")
    let result = try await project.build("--sandbox", sandbox, "--ssh", "default=" + socket).run()
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.errors.contains("agent: hello"))
    #expect(try project.leftovers().filter { !$0.contains("agent-server") } == [])
  }
}
