// SPDX-License-Identifier: GPL-2.0-only
//! The ends of the machine: done, or trouble.

use std::thread::sleep;
use std::time::Duration;

use nmissed_wire::{Message, TROUBLE_MARK};
use rustix::system::{RebootCommand, reboot};

use crate::channel;
use crate::kmsg;

/// QEMU takes a virtio buffer in its own time where KVM runs the guest.
const SETTLE: Duration = Duration::from_millis(50);

/// Ends the machine. A restart, because that needs no ACPI: QEMU's
/// `-no-reboot` makes it an exit.
pub(crate) fn off() -> ! {
    sleep(SETTLE);
    let refused = reboot(RebootCommand::Restart);
    // The kernel panics when PID 1 ends, and that ends the machine too.
    kmsg::say_once(&format!("{TROUBLE_MARK}cannot restart: {refused:?}"));
    std::process::exit(1)
}

/// Says why on every way there is, then ends the machine.
pub(crate) fn give_up(why: &str) -> ! {
    kmsg::say_once(&format!("{TROUBLE_MARK}{why}"));
    if let Some(channel) = channel::opened() {
        // The console has it already.
        let _ = channel.send(&Message::Trouble {
            why: why.to_owned(),
        });
    }
    off()
}
