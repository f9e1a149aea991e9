// SPDX-License-Identifier: Apache-2.0

extension TrappedCall {
  static let nameCalls: [TrappedCall] = []
}
