// SPDX-License-Identifier: Apache-2.0

extension TrappedCall {
  static let openCalls: [TrappedCall] = []
  static let statusCalls: [TrappedCall] = []
  static let nameCalls: [TrappedCall] = []
  static let metadataCalls: [TrappedCall] = []
  static let attributeCalls: [TrappedCall] = []
  static let directoryCalls: [TrappedCall] = []
  static let identityCalls: [TrappedCall] = []
  static let processCalls: [TrappedCall] = []
  static let socketCalls: [TrappedCall] = []
  static let refusedCalls: [TrappedCall] = []
}
