// SPDX-License-Identifier: Apache-2.0

import Images
import LinuxSystem
import TestSupport

extension TemporaryDirectory {
  func store(_ name: String = "store") throws -> ContentStore {
    try ContentStore(directory: path.appending(name))
  }
}

let workers = WorkerThreads(count: 4)
