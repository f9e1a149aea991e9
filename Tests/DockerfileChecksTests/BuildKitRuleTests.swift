// SPDX-License-Identifier: Apache-2.0

import OCI
import Testing

@testable import DockerfileChecks

/// Dockerfiles that BuildKit's rules do and do not speak of.
@Suite struct BuildKitRuleTests {
  @Test(arguments: [
    ("FROM a:1 AS b\nRUN x", []),
    ("FROM a:1 AS B", ["StageNameCasing 1:13"]),
    (
      "FROM a:1 AS b\nFROM a:1 AS c\nFROM a:1 as B",
      [
        "StageNameCasing 3:13", "FromAsCasing 3:10", "DuplicateStageName 3:13",
      ].sorted()
    ),
    (
      "FROM a:1 AS b\nfrom a:1 AS c",
      ["FromAsCasing 2:10", "ConsistentInstructionCasing 2:1"].sorted()
    ),
    ("From a:1 as b\nRUN x", ["ConsistentInstructionCasing 1:1"]),
    ("from a:1 as b\nrun x\nRUN x", ["ConsistentInstructionCasing 3:1"]),
    ("arg x=1\nFROM a:1\nRUN x", []),
    ("FROM a:1 AS Context", ["ReservedStageName 1:13", "StageNameCasing 1:13"]),
  ])
  func `stages and capitals`(_ text: String, _ expected: [String]) throws {
    let names = [
      "StageNameCasing", "FromAsCasing", "DuplicateStageName", "ConsistentInstructionCasing",
      "ReservedStageName",
    ]
    #expect(
      try found(text).filter { line in names.contains { line.hasPrefix($0) } }.sorted() == expected)
  }

  @Test(arguments: [
    ("FROM --platform=$TARGETPLATFORM a:1", ["RedundantTargetPlatform 1:17"]),
    ("FROM --platform=\"${TARGETPLATFORM}\" a:1", ["RedundantTargetPlatform 1:17"]),
    ("FROM --platform=$BUILDPLATFORM a:1", []),
    ("FROM --platform=${TARGETPLATFORM:-linux/arm64} a:1", []),
    ("FROM --platform=linux/amd64 a:1", ["FromPlatformFlagConstDisallowed 1:17"]),
    ("FROM --platform=linux/amd64 a:1 AS build_amd64", []),
    ("FROM --platform=windows/amd64 a:1 AS windows", []),
    ("FROM --platform=linux/$BUILDARCH a:1", []),
  ])
  func `platforms`(_ text: String, _ expected: [String]) throws {
    #expect(
      try found(text, by: "RedundantTargetPlatform", "FromPlatformFlagConstDisallowed") == expected)
  }

  @Test(arguments: [
    ("ARG a=1\nFROM x:$a", []), ("FROM x:$a", ["UndefinedArgInFrom 1:8"]),
    ("FROM x:${a:-1}", []), ("FROM --platform=$p x:1", ["UndefinedArgInFrom 1:17"]),
    ("FROM a:1 AS build_amd64\nFROM a:1 AS build_arm64\nFROM build_$TARGETARCH", []),
    ("ARG a\nFROM x:$a", ["InvalidDefaultArgInFrom 2:6"]),
    ("ARG a\nFROM $a", ["InvalidDefaultArgInFrom 2:6"]),
    ("ARG a\nFROM x${a:+:$a}", []), ("ARG a\nFROM x$a", []),
    ("ARG a=1\nARG b=x:$a\nFROM $b", []), ("ARG a=X:1\nFROM $a", ["InvalidDefaultArgInFrom 2:6"]),
  ])
  func `arguments of FROM`(_ text: String, _ expected: [String]) throws {
    #expect(try found(text, by: "UndefinedArgInFrom", "InvalidDefaultArgInFrom") == expected)
  }

  @Test(arguments: [
    ("FROM scratch\nCOPY $a /", ["UndefinedVar 2:6"]),
    ("FROM scratch\nARG a\nCOPY $a /", []), ("FROM scratch\nENV a=1 b=$a", ["UndefinedVar 2:11"]),
    ("FROM scratch\nENV a=1\nENV b=$a", []), ("FROM scratch\nENV PATH=/x:$PATH", []),
    ("FROM scratch\nCOPY ${a:-b} ${c:+d} /", []), ("FROM scratch\nLABEL a='$b' c=\\$d", []),
    ("FROM scratch\nRUN echo $HOME\nCMD [\"$x\"]\nCMD $y", []),
    ("FROM scratch\nLABEL p=$http_proxy", []),
    ("FROM scratch AS a\nENV x=1\nFROM a\nLABEL y=$x", []),
    ("FROM scratch AS a\nENV x=1\nFROM scratch\nLABEL y=$x", ["UndefinedVar 4:9"]),
    // What an image sets, nobody knows.
    ("FROM golang:1\nCOPY x $GOPATH/", []),
    ("FROM python:3\nARG PYTHON_VERSION\nLABEL v=$PYTHON_PIP_VERSION", []),
    ("FROM golang:1\nARG version\nLABEL v=$versoin", ["UndefinedVar 3:9"]),
    ("ARG version=1\nFROM a:1\nLABEL v=$version", ["UndefinedVar 3:9"]),
    ("ARG NODE_VERSION=22\nFROM node:$NODE_VERSION\nLABEL v=$NODE_VERSION", []),
    ("FROM scratch\nLABEL a=\"${b}-c\"", ["UndefinedVar 2:10"]),
  ])
  func `variables that nothing sets`(_ text: String, _ expected: [String]) throws {
    #expect(try found(text, by: "UndefinedVar") == expected)
  }

  @Test func `what a base image is known to set is set`() throws {
    let options = CheckOptions(imageEnvironments: ["golang:1": ["GOPATH"]])
    #expect(try found("FROM golang:1\nLABEL a=$GOPATH", options, by: "UndefinedVar") == [])
    #expect(
      try found("FROM golang:1\nLABEL a=$CARGO_HOME", options, by: "UndefinedVar")
        == ["UndefinedVar 2:9"])
  }

  @Test(arguments: [
    ("FROM a:1\nCMD x", ["JSONArgsRecommended 2:1"]),
    ("FROM a:1\nENTRYPOINT x", ["JSONArgsRecommended 2:1"]),
    ("FROM a:1\nSHELL [\"/bin/bash\", \"-c\"]\nCMD x", []),
    ("FROM a:1 AS b\nSHELL [\"/bin/bash\", \"-c\"]\nFROM b\nCMD x", []),
    ("FROM a:1\nCMD [\"x\"]\nHEALTHCHECK CMD x\nONBUILD CMD x", []),
    ("FROM a:1\nCMD [\"x\"]\nCMD [\"y\"]", ["MultipleInstructionsDisallowed 2:1"]),
    ("FROM a:1\nCMD [\"x\"]\nFROM b:1\nCMD [\"y\"]", []),
    ("FROM a:1\nHEALTHCHECK NONE\nHEALTHCHECK CMD x", ["MultipleInstructionsDisallowed 2:1"]),
    ("FROM a:1\nWORKDIR x", ["WorkdirRelativePath 2:9"]),
    ("FROM a:1\nWORKDIR /x\nWORKDIR y", []), ("FROM a:1\nWORKDIR $x", []),
    ("FROM a:1\nENV x=/y\nWORKDIR $x", []), ("FROM a:1\nWORKDIR C:\\\\x", []),
    ("FROM a:1 AS b\nWORKDIR /x\nFROM b\nWORKDIR y", []),
    ("FROM a:1\nMAINTAINER me", ["MaintainerDeprecated 2:1"]),
  ])
  func `commands and directories`(_ text: String, _ expected: [String]) throws {
    #expect(
      try found(
        text, by: "JSONArgsRecommended", "MultipleInstructionsDisallowed", "WorkdirRelativePath",
        "MaintainerDeprecated") == expected)
  }

  @Test(arguments: [
    ("ENV a b", ["LegacyKeyValueFormat 2:1"]), ("LABEL  a  b c", ["LegacyKeyValueFormat 2:1"]),
    ("ENV a=b c=d", []), ("ENV \"a b\"=c", []), ("ENV a b=c", ["LegacyKeyValueFormat 2:1"]),
    ("EXPOSE 80/TCP", ["ExposeProtoCasing 2:8"]), ("EXPOSE 80/tcp 90", []),
    ("EXPOSE 8080:80", ["ExposeInvalidFormat 2:8"]), ("EXPOSE 80-90", []),
    ("ARG p=80:80\nEXPOSE $p", ["ExposeInvalidFormat 3:8"]), ("EXPOSE $p", []),
    ("# b is it\nARG a", ["InvalidDefinitionDescription 3:1"]), ("# a is it\nARG a", []),
    ("# b\n\nARG a", []), ("# b\nRUN x", []), ("# two is it\nARG one two", []),
  ])
  func `how values are written`(_ text: String, _ expected: [String]) throws {
    #expect(
      try found(
        "FROM a:1\n" + text, by: "LegacyKeyValueFormat", "ExposeProtoCasing", "ExposeInvalidFormat",
        "InvalidDefinitionDescription") == expected)
  }

  @Test func `a directive is no description`() throws {
    #expect(
      try found("# syntax=docker/dockerfile:1\nFROM a:1 AS b", by: "InvalidDefinitionDescription")
        == [])
  }

  @Test(arguments: [
    ("ARG TOKEN", true), ("ENV DB_PASSWORD=x", true), ("ENV api_Key=x", true), ("ARG APIKEY", true),
    ("ENV PUBLIC_KEY=x", false), ("ENV KEYBOARD=x", false), ("ENV AUTHOR=x", false),
    ("ENV MONKEY=x", false), ("LABEL token=x", false), ("ARG TOKENS", false),
  ])
  func `names of secrets`(_ text: String, _ isSecret: Bool) throws {
    #expect(try found("FROM a:1\n" + text, by: "SecretsUsedInArgOrEnv").isEmpty != isSecret)
  }

  @Test(arguments: [
    ("COPY a.md /", true), ("COPY *.md /", false), ("COPY docs /", false), ("COPY secret /", true),
    ("COPY secret/x /", true), ("COPY --from=b a.md /", false), ("COPY . /", false),
    ("ADD https://x.org/a.md /", false), ("COPY b.txt /", false),
  ])
  func `sources that are left out`(_ text: String, _ isIgnored: Bool) throws {
    let options = try ignoring("*.md\nsecret\ndocs\n!docs/public")
    let dockerfile = "FROM a:1 AS b\nFROM a:1\n" + text
    #expect(try found(dockerfile, options, by: "CopyIgnoredFile").isEmpty != isIgnored)
    #expect(try found(dockerfile, by: "CopyIgnoredFile").isEmpty)
  }
}
