// SPDX-License-Identifier: GPL-2.0-only
//! Ends the machine, after all tests or after a failure of PID 1.

use std::thread::sleep;
use std::time::Duration;

use nmissed_wire::{Message, TROUBLE_MARK};
use rustix::system::{RebootCommand, reboot};

use crate::channel;
use crate::kmsg;

/// Time for QEMU to read the last virtio buffer while KVM runs the guest.
const SETTLE: Duration = Duration::from_millis(50);

/// Ends the machine by a restart, which needs no ACPI: with `-no-reboot` QEMU exits.
pub(crate) fn off() -> ! {
    sleep(SETTLE);
    let refused = reboot(RebootCommand::Restart);
    // The panic after the end of PID 1 ends the machine, too.
    kmsg::write_once(&format!("{TROUBLE_MARK}cannot restart: {refused:?}"));
    std::process::exit(1)
}

/// Sends the reason on the console and the channel, then ends the machine.
pub(crate) fn give_up(why: &str) -> ! {
    kmsg::write_once(&format!("{TROUBLE_MARK}{why}"));
    if let Some(channel) = channel::opened() {
        // An error is ignored: the console has the reason.
        let _ = channel.send(&Message::Trouble {
            why: why.to_owned(),
        });
    }
    off()
}
