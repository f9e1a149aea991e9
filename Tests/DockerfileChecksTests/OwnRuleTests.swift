// SPDX-License-Identifier: Apache-2.0

import OCI
import Testing

@testable import DockerfileChecks

/// Dockerfiles that the other rules do and do not speak of.
@Suite struct OwnRuleTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var text: String
    var expected: [String]
    var testDescription: String { text }

    init(_ text: String, _ expected: String...) {
      self.text = text
      self.expected = expected
    }
  }

  @Test(arguments: [
    Case("FROM debian", "UnpinnedBaseImage"), Case("FROM debian:latest", "UnpinnedBaseImage"),
    Case("FROM localhost:5000/debian", "UnpinnedBaseImage"),
    Case("ARG t\nFROM debian:$t"), Case("ARG t=12\nFROM debian:$t"),
    Case("FROM debian@sha256:" + String(repeating: "a", count: 64)),
    Case("FROM debian:12 AS debian\nFROM debian"), Case("FROM scratch"), Case("FROM named"),
  ])
  func `base images`(_ c: Case) throws {
    let text = c.text + "\nUSER 1\n"
    #expect(
      try rules(finding: text, CheckOptions(namedContexts: ["named"]))
        .filter { $0 == "UnpinnedBaseImage" } == c.expected)
  }

  @Test(arguments: [
    Case("FROM a:1", "RootAtTheEnd"), Case("FROM scratch", "RootAtTheEnd"),
    Case("FROM a:1\nUSER root:x", "RootAtTheEnd"), Case("FROM a:1\nUSER 0", "RootAtTheEnd"),
    Case("FROM a:1\nUSER 1\nUSER root", "RootAtTheEnd"), Case("FROM a:1\nUSER root\nUSER 1:0"),
    Case("FROM a:1\nUSER me", "NonNumericUser"), Case("FROM a:1\nUSER me:1", "NonNumericUser"),
    Case("FROM a:1\nARG u=0\nUSER $u", "RootAtTheEnd"), Case("FROM a:1\nARG u\nUSER $u"),
    Case("FROM a:1 AS b\nUSER 1\nFROM b"), Case("FROM a:1 AS b\nUSER 1\nFROM c:1", "RootAtTheEnd"),
    Case("FROM a:1 AS b\nUSER root\nFROM c:1\nUSER 7"), Case("FROM distroless/static:nonroot"),
    Case("FROM nginxinc/nginx-unprivileged:1"), Case("ARG b\nFROM $b"),
  ])
  func `users`(_ c: Case) throws {
    #expect(
      try rules(finding: c.text).filter { ["RootAtTheEnd", "NonNumericUser"].contains($0) }
        == c.expected)
  }

  @Test func `the user is the target's`() throws {
    let text = "FROM a:1 AS one\nUSER 1\nFROM a:1 AS two"
    #expect(try found(text, by: "RootAtTheEnd") == ["RootAtTheEnd 3:1"])
    #expect(try found(text, CheckOptions(target: "ONE"), by: "RootAtTheEnd") == [])
    #expect(try found(text, CheckOptions(target: "9"), by: "RootAtTheEnd") == [])
  }

  @Test(arguments: [
    Case("COPY id_rsa /", "SecretInCopy"), Case("COPY config/.env /", "SecretInCopy"),
    Case("COPY key.pem /", "SecretInCopy"), Case("COPY [\".npmrc\", \"/\"]", "SecretInCopy"),
    Case("COPY .aws/ /root/", "SecretInCopy"), Case("COPY .docker/config.json /", "SecretInCopy"),
    Case("COPY .env.production /", "SecretInCopy"), Case("COPY .ssh/id_x /", "SecretInCopy"),
    Case("COPY .env.example /"), Case("COPY id_rsa.pub /"), Case("COPY ca.pem /"),
    Case("COPY fullchain.pem /"), Case("COPY environment /"), Case("COPY --from=x .env /"),
    Case("COPY .ssh/known_hosts /"), Case("COPY config.json /"), Case("RUN cat .env"),
  ])
  func `secrets that are copied`(_ c: Case) throws {
    #expect(try own(c.text) == c.expected)
  }

  @Test(arguments: [
    Case("apt-get install curl", "AptRecommends", "AptWithoutYes"),
    Case("apt-get install -y curl", "AptRecommends"),
    Case("apt-get -yq --no-install-recommends install curl"),
    Case("apt-get install -qq --no-install-recommends curl"),
    Case("yes | apt-get install --no-install-recommends curl"),
    Case("apt-get -o APT::Install-Recommends=0 -y install curl"),
    Case("apt-get install -y --install-recommends curl"),
    Case("apt-get update && apt-get install -y --no-install-recommends curl", "AptWithoutCleanup"),
    Case(
      "apt-get update && apt-get install -y --no-install-recommends x && rm -r /var/lib/apt/lists"),
    Case("apt-get update; apt-get install -y --no-install-recommends x; find /var/lib/apt -delete"),
    Case("apt-get update", "AptUpdateAlone"), Case("set -e; apt-get update -q", "AptUpdateAlone"),
    Case("apt-get update && ./install.sh"), Case("apt-get update && apt-get upgrade -y"),
    Case("echo apt-get install curl"), Case("apk add curl"), Case("# apt-get install"),
    Case("apt-get install -s --no-install-recommends x"), Case("apt-get clean"),
    Case("if true; then apt-get install -y curl; fi", "AptRecommends"),
    Case("DEBIAN_FRONTEND=noninteractive apt-get install -y curl", "AptRecommends"),
  ])
  func `packages`(_ c: Case) throws {
    #expect(try own("RUN " + c.text) == c.expected)
  }

  @Test func `lists of packages may lie in a cache, or in a stage that is left behind`() throws {
    let install = "apt-get update && apt-get install -y --no-install-recommends x"
    #expect(try own("RUN --mount=type=cache,target=/var/lib/apt/ \(install)") == [])
    #expect(try own("RUN --mount=type=cache,target=/var/cache \(install)") == ["AptWithoutCleanup"])
    #expect(try own("RUN \(install)\nFROM b:1") == [])
    #expect(try own("RUN \(install)\nFROM x") == ["AptWithoutCleanup"])
  }

  @Test func `here-documents are read as what runs them`() throws {
    #expect(try own("RUN <<E\nset -e\nsudo x\nE") == ["SudoInRun"])
    #expect(try own("RUN bash <<E\nsudo x\nE") == ["SudoInRun"])
    #expect(try own("RUN python3 <<E\nsudo = 1\nsudo x\nE") == [])
    #expect(try own("RUN <<E\n#!/usr/bin/env python3\nsudo x\nE") == [])
    #expect(try own("RUN <<E\n#!/bin/bash\nsudo x\nE") == ["SudoInRun"])
  }

  @Test(arguments: [
    Case("sudo -E make", "SudoInRun"), Case("echo sudo"), Case("apt-get remove -y sudo"),
    Case("echo 'x && sudo y'"), Case("cd /x && sudo make", "SudoInRun"),
    Case("cd /x", "CdInsteadOfWorkdir"), Case("cd /x && make"), Case("(cd /x; make)"),
    Case("curl https://x | sh", "PipeToShell"),
    Case("wget -qO- x | sudo -E bash -", "PipeToShell", "SudoInRun"),
    Case("curl x | tee y | bash -s -- --all", "PipeToShell"),
    Case("curl x | python3 -", "PipeToShell"),
    Case("bash -c \"$(curl -fsSL x)\"", "PipeToShell"), Case("bash <(curl x)", "PipeToShell"),
    Case("curl x 2>&1 | sh", "PipeToShell"), Case("curl x | FOO=1 sh", "PipeToShell"),
    Case("curl x | tar xz"), Case("curl x | python3 -m json.tool"), Case("curl x | bash check.sh"),
    Case("curl x || sh y"), Case("cat x | sh"), Case("curl x > y && sh y"),
    Case("curl x | python3 -c 'y'"),
    Case("chmod 777 /x", "WorldWritable"), Case("chmod -R a+rwx /x", "WorldWritable"),
    Case("chmod 1777 /tmp"), Case("chmod 755 /x"), Case("chmod +x /x"), Case("chmod u=rwx,o=rx /x"),
    Case("chmod o-w /x"), Case("chmod 0666 /x", "WorldWritable"),
    Case("curl -k x", "VerificationOff"), Case("curl -fsSLk x", "VerificationOff"),
    Case("wget --no-check-certificate x", "VerificationOff"), Case("curl -okit x"),
    Case("curl -K x"),
  ])
  func `commands`(_ c: Case) throws {
    #expect(try own("RUN " + c.text) == c.expected)
  }

  @Test func `what another shell runs is not looked at`() throws {
    #expect(try own("SHELL [\"powershell\", \"-c\"]\nRUN sudo x") == [])
    #expect(try own("SHELL [\"/bin/bash\", \"-ec\"]\nRUN sudo x") == ["SudoInRun"])
    #expect(try own("RUN [\"sudo\", \"x\"]") == ["SudoInRun"])
    #expect(try own("RUN [\"/bin/sh\", \"-c\", \"a && sudo x\"]") == ["SudoInRun"])
  }

  @Test(arguments: [
    Case("ADD x.conf /", "AddInsteadOfCopy"), Case("ADD x.tar.gz /"), Case("ADD rootfs.tgz /"),
    Case("ADD https://x.org/a /"), Case("ADD $x /"), Case("ADD *.gz /"), Case("ADD x* /"),
    Case("ADD git@x.org:a.git /"), Case("ADD <<E /x\ny\nE"), Case("ADD a b.tar /"),
    Case("ADD http://x.org/a /", "AddOverHTTP"),
    Case("ADD --checksum=sha256:\(String(repeating: "a", count: 64)) http://x.org/a /"),
    Case("COPY --chmod=777 x /", "WorldWritable"), Case("COPY --chmod=u+x x /"),
    Case("COPY . /\nRUN npm ci", "CacheHostileOrder"),
    Case("COPY ./ /\nRUN x && pip install -r y", "CacheHostileOrder"),
    Case("ADD . /\nRUN go mod download", "AddInsteadOfCopy", "CacheHostileOrder"),
    Case("COPY package.json /\nRUN npm ci\nCOPY . /\nRUN npm ci"),
    Case("COPY . /\nRUN npm run build"), Case("COPY . /\nRUN pip install ."),
    Case("COPY . /\nRUN --mount=type=cache,target=/root/.npm npm ci"),
    Case("COPY . /\nRUN apt-get install -y --no-install-recommends ./x.deb"),
    Case("COPY --from=x . /\nRUN npm ci"), Case("COPY . /\nFROM b:1\nRUN npm ci"),
    Case("COPY . /\nRUN go build ./..."), Case("COPY . /\nRUN yarn build"),
  ])
  func `what is copied, and when`(_ c: Case) throws {
    #expect(try own(c.text) == c.expected)
  }

  @Test func `an ignore file is missed where nobody wrote one`() throws {
    let absent = CheckOptions(ignoreRules: .absent)
    #expect(try found("FROM a:1\nCOPY . /", absent, by: "MissingIgnoreFile").count == 1)
    #expect(try found("FROM a:1\nCOPY src /", absent, by: "MissingIgnoreFile") == [])
    #expect(try found("FROM a:1\nCOPY . /", by: "MissingIgnoreFile") == [])
    #expect(try found("FROM a:1\nCOPY . /", ignoring("x"), by: "MissingIgnoreFile") == [])
  }

  /// Below a base image, and with a user at the end; the rules for both left out.
  private func own(_ text: String) throws -> [String] {
    let buildKit = Set(Rule.all.filter { $0.origin == .buildKit }.map(\.name))
    return try rules(finding: "FROM b:1 AS x\n\(text)\nUSER 1")
      .filter { !buildKit.contains($0) }
  }
}
