// SPDX-License-Identifier: GPL-2.0-only
//! The attach types that an image decides about.

use nmissed_wire::AttachType;

/// The attach types for which [`Image::answer`](crate::Image::answer) has an answer,
/// in the order of reports.
pub const ATTACH_TYPES: [AttachType; 7] = [
    AttachType::Kprobe,
    AttachType::Kretprobe,
    AttachType::RegisterKprobe,
    AttachType::KprobeMulti,
    AttachType::Fentry,
    AttachType::Fexit,
    AttachType::FmodRet,
];

/// Whether a probe of the type can be placed at an offset into a function.
pub(crate) fn takes_offset(attach_type: AttachType) -> bool {
    use AttachType::{Kprobe, Kretprobe, RegisterKprobe};
    matches!(attach_type, Kprobe | Kretprobe | RegisterKprobe)
}
