// SPDX-License-Identifier: Apache-2.0

import OCI
import Testing

@Suite struct ImageConfigurationTests {
  private static let full = """
    {"architecture":"arm64","author":"A","config":{"ArgsEscaped":true,"Cmd":["sh"],\
    "Entrypoint":["/init"],"Env":["PATH=/bin","A=1"],"ExposedPorts":{"80/tcp":{}},\
    "Healthcheck":{"Interval":5,"Retries":3,"StartInterval":7,"StartPeriod":1,\
    "Test":["CMD","x"],"Timeout":2},"Labels":{"a":"b"},"OnBuild":["RUN x"],"Shell":["/bin/sh"],\
    "StopSignal":"9","User":"1:2","Volumes":{"/v":{}},"WorkingDir":"/w","X-Own":[1]},\
    "created":"2024-01-01T00:00:00Z","docker_version":"1","history":[{"author":"B","comment":"c",\
    "created":"2024-01-01T00:00:00Z","created_by":"RUN","empty_layer":true},{}],"os":"linux",\
    "os.features":["f"],"os.version":"1","rootfs":{"diff_ids":["sha256:\(zeros)"],\
    "type":"layers"},"variant":"v8"}
    """
  private static let zeros = String(repeating: "0", count: 64)

  @Test func `everything survives a round trip byte for byte, unknown fields too`() throws {
    let configuration = try ImageConfiguration(parsing: Array(Self.full.utf8))
    #expect(String(decoding: try configuration.encoded(), as: UTF8.self) == Self.full)
  }

  @Test func `the fields are understood`() throws {
    let configuration = try ImageConfiguration(parsing: Array(Self.full.utf8))
    #expect(configuration.platform.description == "linux/arm64/v8")
    #expect(configuration.config.entrypoint == ["/init"])
    #expect(configuration.config.command == ["sh"])
    #expect(configuration.config.exposedPorts == ["80/tcp"])
    #expect(configuration.config.healthcheck?.startIntervalInNanoseconds == 7)
    #expect(configuration.config.environmentValue("A") == "1")
    #expect(configuration.diffIDs.count == 1)
    #expect(configuration.history.count == 2)
    #expect(configuration.history[0].emptyLayer == true)
    #expect(configuration.other["docker_version"] == .string("1"))
    #expect(configuration.config.other["X-Own"] == .array([.integer(1)]))
  }

  @Test func `nulls are absent values`() throws {
    let text = """
      {"config":{"Cmd":null,"Entrypoint":null,"Env":null,"Labels":null,"Volumes":null,\
      "Healthcheck":null,"OnBuild":null},"history":null,"rootfs":null,"author":null}
      """
    let configuration = try ImageConfiguration(parsing: Array(text.utf8))
    #expect(configuration.config == RunConfiguration())
    #expect(configuration.diffIDs.isEmpty)
    #expect(try ImageConfiguration(parsing: Array(#"{"config":null}"#.utf8)).config.user.isEmpty)
  }

  @Test(arguments: [
    "[]", "1", #"{"rootfs":{"diff_ids":"x"}}"#, #"{"rootfs":{"diff_ids":["sha256:0"]}}"#,
    #"{"history":{}}"#, #"{"config":{"Env":[1]}}"#, #"{"config":{"Cmd":"sh"}}"#,
    #"{"config":{"Labels":{"a":1}}}"#, #"{"config":{"Healthcheck":{"Retries":"x"}}}"#,
    #"{"config":"x"}"#, #"{"rootfs":"x"}"#, #"{"os":1}"#, #"{"config":{"User":1}}"#,
    #"{"config":{"Volumes":["/v"]}}"#, #"{"config":{"ExposedPorts":"80"}}"#, #"{"created":1}"#,
  ])
  func `a field of the wrong type is malformed, not overlooked`(_ text: String) {
    #expect(throws: ContentError.self) { try ImageConfiguration(parsing: Array(text.utf8)) }
  }

  @Test func `a variable is set where it stands, or at the end`() {
    var config = RunConfiguration()
    config.environment = ["A=1", "AB=2"]
    config.setEnvironment("A", "3")
    config.setEnvironment("C", "")
    #expect(config.environment == ["A=3", "AB=2", "C="])
    #expect(config.environmentValue("AB") == "2")
    #expect(config.environmentValue("B") == nil)
  }

  @Test(arguments: [
    (MediaType.dockerLayerGzip, ImageFormat.oci, MediaType.ociLayerGzip),
    (.ociLayer, .docker, .dockerLayer), (.ociLayerZstd, .docker, .ociLayerZstd),
    (.dockerLayer, .docker, .dockerLayer),
  ])
  func `a layer's type follows the format`(
    _ type: MediaType, format: ImageFormat, expected: MediaType
  ) {
    #expect(format.layerType(like: type) == expected)
  }

  @Test func `foreign layers are known in both formats`() {
    #expect(MediaType.dockerForeignLayer.isForeignLayer)
    let type = MediaType(
      rawValue: "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip")
    #expect(type.isForeignLayer)
    #expect(!MediaType.ociLayerGzip.isForeignLayer)
  }
}
