// SPDX-License-Identifier: Apache-2.0

import CVirtualRoot
import Glibc
import LinuxSystem

/// What the sandbox refuses in the kernel already: what container runtimes refuse to a container of
/// the default capabilities, and ways to name files that are not known here.
extension TrappedCall {
  static let refusedCalls: [TrappedCall] =
    Dictionary(grouping: refused, by: \.errno).flatMap { errno, lists in
      lists.flatMap(\.numbers).map { TrappedCall($0, .fail(errno)) }
    } + [clone, personality, socket]

  /// Everything from `setxattrat` on, Linux 6.13: newer than the table of calls, and so ENOSYS.
  static let firstUnknownNumber: UInt32 = 463

  private static let refused: [(errno: Int32, numbers: [Int32])] = [
    (EPERM, mounts + machine + others),
    (
      ENOSYS, [SYS_clone3, SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register] + queries
    ),
    (EOPNOTSUPP, [SYS_name_to_handle_at]),
  ]

  private static let mounts: [Int32] = [
    SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_unshare, SYS_setns, SYS_open_tree,
    SYS_move_mount, SYS_fsopen, SYS_fsconfig, SYS_fsmount, SYS_fspick, SYS_mount_setattr,
    SYS_open_by_handle_at, SYS_quotactl, SYS_quotactl_fd, SYS_fanotify_init, SYS_swapon,
    SYS_swapoff,
  ]

  private static let machine: [Int32] = [
    SYS_sethostname, SYS_setdomainname, SYS_reboot, SYS_kexec_load, SYS_kexec_file_load,
    SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_acct, SYS_settimeofday,
    SYS_clock_settime, SYS_syslog, SYS_vhangup,
  ]

  #if arch(x86_64)
    private static let others =
      reaching + [SYS_iopl, SYS_ioperm, SYS_uselib, SYS_ustat, SYS_sysfs]
  #else
    private static let others = reaching
  #endif

  /// What lets one process look into others or hold on to the kernel's memory.
  private static let reaching: [Int32] = [
    SYS_bpf, SYS_perf_event_open, SYS_keyctl, SYS_add_key, SYS_request_key, SYS_userfaultfd,
    SYS_lookup_dcookie, SYS_kcmp, SYS_pidfd_getfd, SYS_process_madvise, SYS_migrate_pages,
    SYS_move_pages,
  ]

  /// `statmount` and `listmount` (Linux 6.8, x86-64 and arm64 alike), which know the host's mounts.
  private static let queries: [Int32] = [457, 458]

  /// With the flag of any namespace.
  private static let clone = TrappedCall(
    SYS_clone, .ifNonZero(0, mask: 0x7E02_0000, .fail(EPERM), otherwise: .allow))

  /// PER_LINUX and PER_LINUX32, each with UNAME26, and the question.
  private static let personality = TrappedCall(
    SYS_personality,
    .byArgument(
      0, [0, 8, 0x2_0000, 0x2_0008, 0xFFFF_FFFF].map { ($0, .allow) }, otherwise: .fail(EPERM)))

  /// Without CAP_AUDIT_WRITE the kernel would say EPERM, which PAM takes for a failure; a kernel
  /// without auditing says this.
  private static let socket = TrappedCall(
    SYS_socket,
    .byArgument(
      0,
      [
        (
          UInt32(AF_NETLINK),
          .byArgument(2, [(netlinkAudit, .fail(EPROTONOSUPPORT))], otherwise: .allow)
        )
      ], otherwise: .allow))

  /// NETLINK_AUDIT of linux/netlink.h
  private static let netlinkAudit: UInt32 = 9
}
