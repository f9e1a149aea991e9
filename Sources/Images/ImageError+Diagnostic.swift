// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import OCI

extension ImageError: DiagnosticConvertible {
  package var diagnostic: Diagnostic {
    switch self {
    case .manifestNotFound, .ambiguousName, .platformNotOffered, .layerUnavailable,
      .malformedLocation, .severalImages:
      choiceDiagnostic
    case .malformedManifest, .unsupportedManifest, .indexesTooDeep, .noImages,
      .malformedConfiguration, .notAContainerImage, .foreignLayer, .unsupportedLayer,
      .layerCountMismatch:
      manifestDiagnostic
    case .blobNotFound, .corruptBlob, .notALayout, .malformedArchive, .compressedArchive,
      .missingMember:
      storageDiagnostic
    }
  }

  private var choiceDiagnostic: Diagnostic {
    switch self {
    case .manifestNotFound(let location, let selector):
      Diagnostic(
        "there is no image \"\(selector)\" in \(location)", help: "check the name, tag and digest")
    case .ambiguousName(let location, let offered):
      Diagnostic(
        "\(location) holds several images",
        notes: offered.isEmpty ? [] : ["their names are \(list(offered))"],
        help: "add the name of one, as in \"oci:DIR:NAME\"")
    case .platformNotOffered(let location, let wanted, let offered):
      Diagnostic(
        "\(location) is not available for \(wanted)",
        notes: [
          offered.isEmpty
            ? "its index names no platform" : "it is available for \(list(offered))"
        ],
        help: "choose one of these platforms, or another image")
    case .layerUnavailable(let digest):
      Diagnostic(
        "layer \(digest) is in the content store no longer",
        help: "build again; do not empty the store while a build runs")
    case .malformedLocation(let text, let problem):
      Diagnostic(
        "\"\(text)\" is not the location of an image: \(problem)",
        help: "write a reference such as debian:12, or one of oci:DIR[:NAME], "
          + "oci-archive:FILE[:NAME], docker-archive:FILE[:NAME], store:NAME",
        exit: .usage)
    case .severalImages(let location):
      Diagnostic(
        "\(location) takes one image, and there are several",
        help: "name one platform, or write an OCI layout (type=oci)")
    default: Diagnostic("\(self)")
    }
  }

  private var manifestDiagnostic: Diagnostic {
    switch self {
    case .malformedManifest(let location, let problem):
      Diagnostic(
        "the manifest of \(location) is malformed: \(problem)",
        help: "push or save the image again with an up-to-date tool")
    case .unsupportedManifest(let location, let mediaType):
      Diagnostic(
        "the manifest of \(location) has an unsupported format, \"\(mediaType)\"",
        notes: ["supported are OCI manifests and Docker's schema 2, and their indexes"],
        help: "push the image again with an up-to-date tool")
    case .indexesTooDeep(let location):
      Diagnostic(
        "the indexes of \(location) are nested too deeply", help: "name a manifest by its digest")
    case .noImages(let location):
      Diagnostic(
        "the index of \(location) names no image for a platform",
        help: "name an image, or an index that has some")
    case .malformedConfiguration(let location, let problem):
      Diagnostic(
        "the image configuration of \(location) is malformed: \(problem)",
        help: "build or save the image again with an up-to-date tool")
    case .notAContainerImage(let location, let mediaType):
      Diagnostic(
        "\(location) is not a container image",
        notes: ["its configuration has the media type \"\(mediaType)\""],
        help: "name an image; charts, signatures and other artifacts cannot be used as one")
    case .foreignLayer(let location, let digest):
      Diagnostic(
        "layer \(digest) of \(location) is not distributed with the image",
        notes: ["its media type marks it as foreign, as the base layers of Windows are"],
        help: "use an image whose layers are all in one place")
    case .unsupportedLayer(let location, let digest, let mediaType):
      Diagnostic(
        "layer \(digest) of \(location) has an unsupported format, \"\(mediaType)\"",
        notes: ["supported are tar, tar+gzip and tar+zstd"],
        help: "use an image with layers of these kinds")
    case .layerCountMismatch(let location, let layers, let diffIDs):
      Diagnostic(
        "\(location) is inconsistent: its manifest has \(layers) layers, its configuration \(diffIDs)",
        help: "build or save the image again with an up-to-date tool")
    default: Diagnostic("\(self)")
    }
  }

  private var storageDiagnostic: Diagnostic {
    switch self {
    case .blobNotFound(let location, let digest):
      Diagnostic(
        "\(location) lacks the blob \(digest) that its manifest names",
        help: "copy or save the image again")
    case .corruptBlob(let location, let digest, let problem):
      Diagnostic(
        "\(digest) in \(location) is not what it should be: \(problem.summary)",
        help: "try again; if it stays so, copy or save the image again")
    case .notALayout(let directory, let problem):
      Diagnostic(
        "\(directory) is not an OCI image layout: \(problem)",
        help: "name a folder with the files \"oci-layout\" and \"index.json\"")
    case .malformedArchive(let file, let problem):
      Diagnostic(
        "\(file) cannot be read as an image archive: \(problem)", help: "save the image again")
    case .compressedArchive(let file):
      Diagnostic("\(file) is compressed", help: "decompress it first, for example with gunzip")
    case .missingMember(let file, let member):
      Diagnostic(
        "\(file) has no member \"\(member)\"",
        help: "save the image again; docker save and skopeo copy write such archives")
    default: Diagnostic("\(self)")
    }
  }
}

/// At most ten of them, for a message.
private func list(_ values: [some CustomStringConvertible]) -> String {
  let shown = values.prefix(10).map(\.description).joined(separator: ", ")
  return values.count > 10 ? "\(shown) and \(values.count - 10) more" : shown
}

extension ContentError {
  /// Half a sentence for people.
  package var summary: String {
    switch self {
    case .digestMismatch(_, let actual): "its digest is \(actual)"
    case .sizeMismatch(let expected, let actual): "it has \(actual) bytes instead of \(expected)"
    case .tooLarge(let limit): "it has more than \(limit) bytes"
    case .malformed(let problem): problem
    }
  }
}
