// SPDX-License-Identifier: Apache-2.0

import BuildPlanning

/// What happens during a build, for whoever shows it.
package enum BuildEvent: Sendable {
  /// One step of one stage; steps count from 0.
  package struct StepID: Hashable, Sendable {
    package var stage: Stage.ID
    package var step: Int
  }

  case stageStarted(Stage)
  case stepStarted(StepID, Step)
  /// What a command printed, in pieces.
  case stepOutput(StepID, [UInt8], isError: Bool)
  /// - Parameter layerSizeInBytes: Of the files the step left, uncompressed; nil when it left none.
  case stepFinished(StepID, Step, layerSizeInBytes: Int64?)
  case stageFinished(Stage)
}
